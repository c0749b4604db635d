//go:build tools

// Package conformance pins the tools that test what the protocols ask.
package conformance

import _ "github.com/summerwind/h2spec"
