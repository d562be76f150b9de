// pod-security tells what Kubernetes' Pod Security Standards forbid in pods, by the checks of
// Kubernetes itself.
//
// It reads a JSON object {"level": "restricted", "version": "v1.33" or "latest", "pods": [...]}, where
// each pod has the "metadata" and the "spec" of a pod or pod template, and prints a JSON list of
// results in the same order. Fields that a pod does not have are ignored. As in a cluster, a version
// newer than the library counts as the latest.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubejson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type request struct {
	Level   string            `json:"level"`
	Version string            `json:"version"`
	Pods    []json.RawMessage `json:"pods"`
}

// result says what is forbidden in a pod, or why it is no pod.
type result struct {
	Error string `json:"error"`
	// Faults is null when there is an error.
	Faults []fault `json:"faults"`
}

// fault is what one check of the standard forbids.
type fault struct {
	Check  policy.CheckID `json:"check"`
	Reason string         `json:"reason"`
	Detail string         `json:"detail"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	level, err := api.ParseLevel(asked.Level)
	if err != nil {
		return fmt.Errorf("level %q %w", asked.Level, err)
	}
	version, err := api.ParseVersion(asked.Version)
	if err != nil {
		return fmt.Errorf("version %q %w", asked.Version, err)
	}
	results := make([]result, len(asked.Pods))
	for i, raw := range asked.Pods {
		pod, err := parse(raw)
		if err != nil {
			results[i].Error = err.Error()
			continue
		}
		results[i].Faults, err = faults(api.LevelVersion{Level: level, Version: version}, pod)
		if err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}

// parse reads a pod as the API server does: the case of a field's name matters, unlike in
// encoding/json.
func parse(raw []byte) (corev1.PodTemplateSpec, error) {
	var pod corev1.PodTemplateSpec
	if err := kubejson.Unmarshal(raw, &pod); err != nil {
		return pod, err
	}
	if len(pod.Spec.Containers) == 0 { // most checks look at containers and would pass without one
		return pod, errors.New("there are no containers in spec.containers")
	}
	for i := range pod.Spec.Volumes {
		// The API server makes a volume without a source an emptyDir before it evaluates the pod
		// (SetDefaults_Volume in k8s.io/kubernetes/pkg/apis/core/v1).
		if source := &pod.Spec.Volumes[i].VolumeSource; *source == (corev1.VolumeSource{}) {
			source.EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
	return pod, nil
}

// faults evaluates a pod. The library's results do not name their checks, so every check is wrapped to
// record what it forbids. The library decides which checks apply: a restricted check can replace a
// baseline check.
func faults(standard api.LevelVersion, pod corev1.PodTemplateSpec) ([]fault, error) {
	found := []fault{}
	checks := policy.DefaultChecks()
	for _, check := range checks {
		for i := range check.Versions {
			evaluate := check.Versions[i].CheckPod
			check.Versions[i].CheckPod = func(metadata *metav1.ObjectMeta, spec *corev1.PodSpec) policy.CheckResult {
				outcome := evaluate(metadata, spec)
				if !outcome.Allowed {
					found = append(found, fault{check.ID, outcome.ForbiddenReason, outcome.ForbiddenDetail})
				}
				return outcome
			}
		}
	}
	evaluator, err := policy.NewEvaluator(checks, nil)
	if err != nil {
		return nil, err
	}
	evaluator.EvaluatePod(standard, &pod.ObjectMeta, &pod.Spec)
	return found, nil
}
