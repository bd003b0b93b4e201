//go:build tools

// Package tools names the programs of a Kubernetes control plane that .ci/kubernetes.sh builds for the tests.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
)
