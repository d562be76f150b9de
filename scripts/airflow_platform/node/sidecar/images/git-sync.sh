#!/bin/sh
# Does once what git-sync does with GITSYNC_ONE_TIME for a repository without files: a worktree, and a link to it.
set -eu
worktree=$GITSYNC_ROOT/.worktrees/0000000000000000000000000000000000000000
mkdir -p "$worktree"
ln -sfn ".worktrees/${worktree##*/}" "$GITSYNC_ROOT/$GITSYNC_LINK"
