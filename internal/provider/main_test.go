package provider_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain takes out of the environment what would lead a test to somebody's
// real server, and finds the Terraform, or OpenTofu, that tests drive. make
// does the same; this is for `go test` alone.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "AGENTCREDS_") && !strings.HasPrefix(name, "AGENTCREDS_TEST_") {
			_ = os.Unsetenv(name)
		}
	}
	// One that names a missing file breaks the reading of the version.
	_ = os.Unsetenv("TF_CLI_CONFIG_FILE")
	_ = os.Setenv("CHECKPOINT_DISABLE", "1")
	if os.Getenv("TF_ACC_TERRAFORM_PATH") == "" {
		if err := findCLI(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	overlap()
	debug.SetGCPercent(400) // the heap is small, and most of what is on it is gone at once
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(untilTheEnd...); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// untilTheEnd are goroutines that live as long as the process, which in real life
// is one run of Terraform: nobody tells a provider to close its store, and
// go-plugin reads what the process prints.
var untilTheEnd = []goleak.Option{
	goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
	goleak.IgnoreAnyFunction("github.com/hashicorp/go-plugin.copyChan"),
}

// overlap runs more tests at once than there are processors: many of them wait
// for another process, or for the next attempt of a request.
func overlap() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
}

// findCLI sets what terraform-plugin-testing needs to know. OpenTofu needs a
// shim: the test library knows only Terraform's version line.
func findCLI() error {
	if terraform, err := exec.LookPath("terraform"); err == nil {
		return setenv("TF_ACC_TERRAFORM_PATH", terraform, "AGENTCREDS_TEST_CLI", terraform)
	}
	tofu, err := exec.LookPath("tofu")
	if err != nil {
		return fmt.Errorf("neither terraform nor tofu is on PATH, and TF_ACC_TERRAFORM_PATH is not set; make test builds one")
	}
	shim, err := filepath.Abs("../../tools/tofu/terraform")
	if err != nil {
		return err
	}
	return setenv("TF_ACC_TERRAFORM_PATH", shim, "AGENTCREDS_TEST_CLI", tofu,
		"TF_ACC_PROVIDER_HOST", "registry.opentofu.org", "TF_ACC_PROVIDER_NAMESPACE", "hashicorp")
}

func setenv(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := os.Setenv(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// cli is the program that tests drive.
func cli() string {
	if path := os.Getenv("AGENTCREDS_TEST_CLI"); path != "" {
		return path
	}
	return os.Getenv("TF_ACC_TERRAFORM_PATH")
}
