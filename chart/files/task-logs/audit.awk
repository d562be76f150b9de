# Compares log files with Vector's checkpoints, which say how far Loki has accepted each file. drain.sh runs it.
#
# usage: awk -f audit.awk part=checkpoints RS='}' FILE... RS='\n' part=seen FILE part=forgotten FILE part=files -
#
# Input, by part:
#   checkpoints  Vector's checkpoints.json; a file that is not whole counts as empty, as Vector itself takes it
#   seen         what this program has printed with look=1
#   forgotten    ids of files whose checkpoints drain.sh has removed since SIGTERM; these are in no doubt any more
#   files        lines of stat, "tail DEVICE INODE SIZE NAME" of copies below tails/ and
#                "file DEVICE INODE SIZE MODE DATE TIME ZONE NAME" of what is named like a log file; then lines
#                "heads ..." with the first bytes of the files; then "end STATUS" when nothing was left out
#
# A checkpoint belongs to an inode, and Vector goes on from there, whatever the inode holds: a file that was emptied
# and written again, or another file. So the checkpoint of such a file is in doubt, and its file counts as missing. In
# doubt is a checkpoint
#   - that is behind the end of the file;
#   - that is at the end of a file which was written after the checkpoint was;
#   - of a file that has become shorter or has begun with other bytes while Vector ran (part `seen`).
# A file that got a checkpoint before anybody had looked at it is sent again as well, when that is not too much. There
# is nothing against its checkpoint, so otherwise it counts.
#
# An id is "DEVICE,INODE".
#
# A pipe, device or socket with the name of a log file, or a link to one, is no log file, and what is written to it
# cannot be counted. Vector waits for a pipe that nobody writes to, cannot seek in one that somebody writes to, and
# reads some devices, and some files of /proc, without end. Files of /sys have less in them than their size says. So it
# must not open them.
#
# Variables:
#   look   1: print what to compare with next time, a line "ID, SIZE, STATE, HEAD, NAME" for each file, with tabs;
#          STATE is "proved" when the file had no checkpoint at the first look, "late" when it had one, "doubt",
#          "gone" for a file that was removed or emptied before Loki had it; then a line "irregular PATTERN", with a
#          tab, for each file that Vector must not open: an item of `exclude` in vector.yaml, relative to the log folder;
#          and a line "outrun NAME" for each log that was rotated so fast that a part may have come and gone unseen
#   first  1: count what is gone as well. Later the checkpoints of these files may be forgotten
#   saved  ids of removed files of which drain.sh has made copies
#   resend_max  see the output
#   kernel  the devices of /proc and /sys
#
# Output without `look`: the first line is
#   FILES WRITTEN DELIVERED BEHIND INCOMPLETE COMPLETE GONE UNREADABLE IRREGULAR OUTRUN
#     BEHIND        the most bytes that are missing of any one file
#     INCOMPLETE    the number of files that are not delivered to their end
#     COMPLETE      1 when all files were looked at
#     GONE          the bytes that Loki has not of files that are gone
#     UNREADABLE    not 0 when a file or directory could not be read
#     IRREGULAR     the number of pipes, devices and the like that have the name of a log file
#     OUTRUN        the number of logs that were rotated so fast that a part may have come and gone unseen
# Then comes a line "forget ID" for each checkpoint that Vector must not use, a line "include PATTERN" for each of the
# first 200 incomplete files, an item of `include` in vector.yaml, relative to the log folder; and lines "BYTES of SIZE
# bytes missing: NAME", "no regular file: NAME" and "rotated too fast: NAME", as many as a termination message holds.
# Checkpoints that are in doubt are not forgotten when their files have more than `resend_max` bytes in all.

BEGIN {
  most_text = 4096
  for (i = 1; i < 256; i++) byte[sprintf("%c", i)] = i
}

part != previous || FNR == 1 { close_checkpoints(); previous = part }

# {"version":"1","checkpoints":[{"fingerprint":{"dev_inode":[DEVICE,INODE]},"position":BYTES,"modified":TIME},...]}
part == "checkpoints" {
  gsub(/[ \t\r\n]+$/, "")
  if (expected == "" && $0 == "{\"version\":\"1\",\"checkpoints\":[]") expected = "nothing"
  else if ((expected == "" && /^\{"version":"1","checkpoints":\[\{"fingerprint":\{"dev_inode":\[[0-9]+,[0-9]+\]$/) || (expected == "next" && /^,\{"fingerprint":\{"dev_inode":\[[0-9]+,[0-9]+\]$/)) {
    match($0, /\[[0-9]+,[0-9]+\]$/)
    id = substr($0, RSTART + 1, RLENGTH - 2)
    expected = "position"
  }
  else if (expected == "position" && /^,"position":[0-9]+,"modified":"[0-9TZ:.+-]+"$/) {
    split($0, field, /[:,]/)
    read_position[id] = field[3]
    match($0, /"modified":"[^"]*"$/)
    read_modified[id] = instant(substr($0, RSTART + 12, RLENGTH - 13))
    expected = "next"
  }
  else if (expected == "next" && $0 == "]") expected = "nothing"
  else if (expected != "nothing" || $0 != "") expected = "invalid"
  next
}

part == "seen" && /^irregular\t/ { next }
part == "seen" && /^outrun\t/ { outrun[substr($0, 8)] = 1; next }
part == "seen" {
  split($0, field, "\t")
  old[field[1]] = 1; old_size[field[1]] = field[2]; state[field[1]] = field[3]; old_head[field[1]] = field[4]; old_name[field[1]] = field[5]
  next
}

part == "forgotten" { forgotten[$0] = 1; next }

/^tail [0-9]+ [0-9]+ [0-9]+ \.\// {
  n_tails++
  tail_id[n_tails] = $2 "," $3; tail_size[n_tails] = $4
  sub(/^tail [0-9]+ [0-9]+ [0-9]+ \.\//, ""); tail_offset[n_tails] = $0 + 0
  sub(/^[0-9]+\//, ""); tail_name[n_tails] = $0
  next
}
/^file [0-9]+ [0-9]+ [0-9]+ [0-9a-f]+ [0-9-]+ [0-9:.]+ [+-]?[0-9]+ \.\// {
  id = $2 "," $3; bytes = $4; time = instant($6 "T" $7)
  irregular = $5 !~ /^8...$/ || index(" " kernel, " " $2 " ") # S_IFREG is 0100000
  # A file that a symbolic link leads to is found twice.
  ignored = !irregular && (bytes == 0 || id in number)
  sub(/^file [0-9]+ [0-9]+ [0-9]+ [0-9a-f]+ [0-9-]+ [0-9:.]+ [+-]?[0-9]+ \.\//, "")
  if (irregular) irregular_name[++n_irregular] = $0
  else if (!ignored) { n++; number[id] = n; ids[n] = id; size[n] = bytes; written_at[n] = time; name[n] = $0 }
  named = 1
  next
}
/^heads / {
  pieces = split(substr($0, 7), piece, "==> ")
  for (i = 2; i <= pieces; i++) {
    at = index(piece[i], " <==\002")
    if (at) { of = substr(piece[i], 3, at - 3); head[of] = substr(piece[i], at + 5) }
    else head[of] = head[of] "==> " piece[i]
  }
  next
}
/^end [0-9]+$/ { complete = 1; unreadable = $2; next }
# The name of the file has a newline and goes on in this line.
named && irregular { irregular_name[n_irregular] = irregular_name[n_irregular] "\001" $0; next }
named && !ignored { name[n] = name[n] "\001" $0 }

# Adds the checkpoints of a file that is whole.
function close_checkpoints(  id) {
  if (expected == "nothing")
    for (id in read_position)
      if (!(id in position) || read_position[id] > position[id]) {
        position[id] = read_position[id]; modified[id] = read_modified[id]
      }
  for (id in read_position) delete read_position[id]
  expected = ""
}

# A time as text that sorts, with nine digits after the second.
function instant(time) {
  sub(/(Z|[+-][0-9][0-9]:?[0-9][0-9])$/, "", time)
  if (length(time) == 19) time = time "."
  return substr(time "000000000", 1, 29)
}

# The position of a file's checkpoint. Not to mention position[id] keeps it from coming into being.
function accepted(id) { return id in position ? position[id] + 0 : 0 }

# How far Loki has what the inode held at the last look.
function proved(id) { return state[id] == "doubt" ? 0 : accepted(id) }

function copied(id) { return index(" " saved " ", " " id " ") > 0 }

# Whether the inode holds other text than when it was looked at last.
function other(i,  id) {
  id = ids[i]
  if (!(id in old) || (id in forgotten)) return 0
  if (state[id] == "gone") return 1
  if (size[i] + 0 < old_size[id] + 0) return 1
  return old_head[id] != "" && (name[i] in head) && index(head[name[i]], old_head[id]) != 1
}

# Whether another file has the text of a file that is gone: a rotation has copied it.
function elsewhere(id,  i) {
  for (i = 1; i <= n; i++)
    if (old_head[id] != "" && size[i] + 0 >= old_size[id] + 0 && index(head[name[i]], old_head[id]) == 1) return 1
  return 0
}

# The log of which a file is a part: NAME or NAME.1, NAME.2, ...
function log_of(name) { sub(/\.[0-9]+$/, "", name); return name }

# Finds the logs of which all parts are new since the last look, rotated ones as well. Others may have come between
# those that were there and these, and been deleted.
function find_outrun(  i, id, of, rotated, followed) {
  for (i = 1; i <= n; i++) {
    of = log_of(name[i])
    if ((ids[i] in old) && !other(i)) followed[of] = 1
    else if (of != name[i]) rotated[of] = 1
  }
  for (id in old) {
    of = log_of(old_name[id])
    if ((of in rotated) && elsewhere(id)) followed[of] = 1
  }
  for (id in old) {
    of = log_of(old_name[id])
    if ((of in rotated) && !(of in followed)) outrun[of] = 1
  }
}

function doubtful(i,  id, at) {
  id = ids[i]
  if (!(id in position)) return 0
  at = accepted(id)
  if (at > size[i] + 0) return 1
  if ((id in forgotten)) return 0
  return other(i) || state[id] == "doubt" || (at == size[i] + 0 && written_at[i] > modified[id])
}

function line(missing, of, text) {
  gsub(/[[:cntrl:]]/, "?", text)
  note(sprintf("%.0f of %.0f bytes missing: %s", missing, of, text))
}

function note(text) { if (length(lines) < most_text) lines = lines "\n" text }

# A glob pattern for one name, as it is inside of double quotes in YAML. YAML refuses some characters and takes others
# for the end of a line, so all but printable ASCII is escaped. No pattern matches a name that is not UTF-8; the one that
# is printed for it matches no other name either.
function pattern(name,  none, i, c, code, more, least, text) {
  none = "\\uFFFD"
  for (i = 1; i <= length(name); i++) {
    c = substr(name, i, 1)
    if (more) {
      if (byte[c] < 128 || byte[c] > 191) return none
      code = code * 64 + byte[c] % 64
      if (--more) continue
      if (code < least || (code >= 55296 && code < 57344) || code > 1114111) return none
      text = text sprintf("\\U%08X", code)
    }
    else if (c == "\001") text = text "[\\n\\x01]" # may stand for a newline
    else if (c ~ /[][*?]/) text = text "[" c "]"
    else if (c ~ /["\\]/) text = text "\\" c
    else if (c ~ /[[:cntrl:]]/) text = text sprintf("\\x%02X", byte[c])
    else if (byte[c] < 128) text = text c
    else if (byte[c] < 192 || byte[c] > 247) return none
    else if (byte[c] < 224) { more = 1; least = 128; code = byte[c] % 32 }
    else if (byte[c] < 240) { more = 2; least = 2048; code = byte[c] % 16 }
    else { more = 3; least = 65536; code = byte[c] % 8 }
  }
  return more ? none : text
}

# Counts what was removed or overwritten before Loki had it.
function count_lost(id,  at) {
  at = proved(id)
  if (copied(id) || at >= old_size[id] + 0 || elsewhere(id)) return
  gone += old_size[id] - at
  line(old_size[id] - at, old_size[id], old_name[id] " (removed or emptied before Loki had it)")
}

function print_looks(  i, id, mark, text, was) {
  for (i = 1; i <= n; i++) {
    id = ids[i]
    mark = other(i) ? "doubt" : id in old ? state[id] : id in position ? "late" : "proved"
    if (other(i) && proved(id) < old_size[id] + 0 && !elsewhere(id))
      was = was sprintf("%s.%d\t%.0f\tgone\t\t%s\n", id, ++n_gone, old_size[id] - proved(id), old_name[id])
    text = head[name[i]]
    sub(/\002+$/, "", text)
    printf "%s\t%s\t%s\t%s\t%s\n", id, size[i], mark, text, name[i]
  }
  for (id in old)
    if (!(id in number) && proved(id) < old_size[id] + 0 && !elsewhere(id))
      printf "%s\t%s\tgone\t%s\t%s\n", id, old_size[id], old_head[id], old_name[id]
  printf "%s", was
  for (i = 1; i <= n_irregular; i++) printf "irregular\t%s\n", pattern(irregular_name[i])
  for (id in outrun) printf "outrun\t%s\n", id
}

END {
  close_checkpoints()
  for (id in old) if (id ~ /\./) n_gone++
  find_outrun()
  if (look) { if (complete) print_looks(); exit !complete }
  for (i = 1; i <= n; i++) {
    id = ids[i]
    done[i] = accepted(id)
    if (doubtful(i)) {
      done[i] = 0
      if (accepted(id) > size[i] + 0) forget = forget "\nforget " id
      else { doubts = doubts "\nforget " id; in_doubt += size[i] }
    }
    else if (id in position && state[id] != "proved" && !(id in forgotten)) { late[i] = 1; late_bytes += size[i] }
    by_name[name[i]] = i
  }
  if (in_doubt + late_bytes <= resend_max + 0)
    for (i in late) { forget = forget "\nforget " ids[i]; done[i] = 0 }
  for (t = 1; t <= n_tails; t++) {
    acknowledged = accepted(tail_id[t])
    if (first || acknowledged > tail_size[t] + 0) acknowledged = 0
    i = by_name[tail_name[t]]
    # The copy of a last line has a newline that the log file has not.
    if (i && tail_offset[t] + tail_size[t] - 1 == size[i] && !copied(ids[i])) {
      if (acknowledged == tail_size[t] + 0) done[i] += tail_size[t] - 1
      continue
    }
    n_removed++; written += tail_size[t]; delivered += acknowledged
    missing = tail_size[t] - acknowledged
    if (missing) { incomplete++; line(missing, tail_size[t], tail_name[t] " (removed)") }
    if (missing > behind) behind = missing
  }
  for (i = 1; i <= n; i++) {
    written += size[i]; delivered += done[i]
    missing = size[i] - done[i]
    if (missing) {
      incomplete++
      line(missing, size[i], name[i])
      if (incomplete <= 200) include = include "\ninclude " pattern(name[i])
    }
    if (missing > behind) behind = missing
    if (first && other(i)) count_lost(ids[i])
  }
  if (first) for (id in old) if (!(id in number)) count_lost(id)
  if (!first) for (t = 1; t <= n_tails; t++) number[tail_id[t]] = 0
  for (id in position) if (!(id in number)) forget = forget "\nforget " id
  if (in_doubt <= resend_max + 0) forget = forget doubts
  for (i = 1; i <= n_irregular; i++) {
    gsub(/[[:cntrl:]]/, "?", irregular_name[i])
    note("no regular file: " irregular_name[i])
  }
  for (id in outrun) { n_outrun++; note("rotated too fast: " id) }
  printf "%d %.0f %.0f %.0f %d %d %.0f %d %d %d%s%s%s\n", n + n_removed, written, delivered, behind, incomplete, complete, gone,
    unreadable, n_irregular, n_outrun, forget, include, lines
}
