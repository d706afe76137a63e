package main

import (
	"runtime/debug"
	"slices"
	"strings"
)

// magicCookie is the variable by which Terraform tells a plugin that it is one.
const magicCookie = "TF_PLUGIN_MAGIC_COOKIE"

// isDebug reports whether the plugin is to wait for Terraform, so that a
// debugger can be attached to it.
func isDebug(args []string) bool {
	return len(args) == 1 && (args[0] == "-debug" || args[0] == "--debug")
}

// Levels of the SDK's loggers, each with a variable of its own. A logger whose
// variable is empty writes everything, and Terraform reads and drops it: about
// 40 % of the time of a plan.
var logVariables = []string{"TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_PROVIDER_AGENTCREDS"}

// quiet lets the SDK write no more than Terraform will show: what TF_LOG_PROVIDER
// says, else TF_LOG, else nothing. Whoever set one of the SDK's own variables
// knows what they want, and is left alone; so is whoever wants to see every
// step. It reports whether it did.
func quiet(environ []string, setenv func(key, value string) error) bool {
	env := map[string]string{}
	for _, kv := range environ {
		key, value, _ := strings.Cut(kv, "=")
		env[key] = value
		ours := strings.HasPrefix(key, "TF_LOG_SDK") || strings.HasPrefix(key, "TF_LOG_PROVIDER_AGENTCREDS")
		if ours && value != "" && key != "TF_LOG_SDK_PROTO_DATA_DIR" {
			return false
		}
	}
	level := strings.ToUpper(env["TF_LOG_PROVIDER"])
	if level == "" {
		level = strings.ToUpper(env["TF_LOG"])
	}
	switch {
	case level == "":
		level = "OFF"
	case !slices.Contains([]string{"DEBUG", "INFO", "WARN", "ERROR", "OFF"}, level):
		return false // TRACE, JSON, and what Terraform takes for TRACE
	}
	for _, name := range logVariables {
		_ = setenv(name, level) // what cannot be set costs time, and no more
	}
	return true
}

// spareGC trades memory for time, up to a limit, unless the user set either:
// the live heap of a provider and of a server is small, and the garbage large.
func spareGC(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(256 << 20)
	}
}
