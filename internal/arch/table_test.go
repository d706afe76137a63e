package arch_test

// pkg is one line of the plan: a package below internal/ and what it may
// import of ours.
type pkg struct {
	name string
	may  []string
	why  string // of an arrow that the purpose of the package does not explain
}

// table is the plan of the house. An arrow points down: a lower package never
// needs a word from above.
var table = []pkg{
	{name: "secret"},
	{name: "jsontext"},
	{name: "keys", may: []string{"jsontext"}, why: "the strings of an assertion, at each login"},
	{name: "audit", may: []string{"jsontext"}, why: "the text of an entry, at each login"},
	{name: "fault"}, // makes a server misbehave on request: rules, and a handler around another one; knows neither agents nor the API

	{name: "api", may: []string{"secret"}},

	{name: "store", may: []string{"audit"}, why: "act and audit entry are one transaction"},
	{name: "store/row", may: []string{"store", "audit"}}, // how a record is a row: the columns, the way back, conditions as SQL; runs nothing
	{name: "store/sqlite", may: []string{"store", "store/row", "audit"}, why: "store/row: what is kept is kept alike in every backend, so migrate only copies rows"},
	{name: "store/postgres", may: []string{"store", "store/row", "audit"}, why: "store/row: as store/sqlite"},
	{name: "store/postgres/pgtest"}, // starts a PostgreSQL for tests; knows nothing of stores
	{name: "store/storetest", may: []string{"store", "audit"}, why: "the contract says what becomes of audit events"},

	{name: "authority", may: []string{"store", "audit", "secret", "keys", "jsontext"}},

	{name: "server", may: []string{"api", "authority", "secret"}, why: "secret: a password in a request is a secret.Text from the first byte on"},
	{name: "oauth", may: []string{"authority", "keys", "secret", "jsontext"}, why: "secret: what a request shows is a secret.Text from the first byte on"},

	{name: "client", may: []string{"api", "keys", "secret"}, why: "secret: its own credentials must not be printed by accident either"},
	{name: "embedded", may: []string{"client", "server", "authority", "audit", "secret", "store", "store/sqlite"}, why: "store: it tells a missing store from a broken one; secret: it reads the seal key"},
	{name: "apitest", may: []string{"api", "client", "secret"}, why: "secret: it sends and compares secrets"},

	{name: "provider", may: []string{"api", "client", "embedded", "secret", "keys"}},
	{name: "cli", may: []string{
		"api", "audit", "authority", "client", "embedded", "fault", "keys", "oauth", "secret", "server", "store", "store/postgres", "store/sqlite",
	}, why: "it puts a real server together"},

	{name: "arch"},
	{name: "journey"}, // runs the built provider under a real Terraform: crash, leak, scale and demo journeys

	{name: ".", may: []string{"cli", "provider"}, why: "main.go picks one of the two"},
}

// library says which packages may import what is not ours, by prefix of the
// import path. What no line names, everybody may import.
type library struct {
	prefix string
	only   []string
	why    string
}

var libraries = []library{
	{"github.com/hashicorp/terraform-plugin-", []string{".", "provider"}, "the rest of the house knows no Terraform"},
	{"github.com/hashicorp/go-plugin", []string{".", "provider"}, "the rest of the house knows no Terraform"},
	{"database/sql", sqlPackages, "only a backend of the store speaks SQL"},
	{"modernc.org/", sqlPackages, "only a backend of the store speaks SQL"},
	{"github.com/jackc/pgx", sqlPackages, "only a backend of the store speaks SQL"},
	{"github.com/spf13/", []string{"cli"}, "commands and flags are its business"},
	{"net/http", []string{".", "api", "apitest", "cli", "client", "embedded", "fault", "oauth", "provider", "server"}, "rules and records know no HTTP"},
	{"testing", []string{"apitest", "store/postgres/pgtest", "store/storetest"}, "only the contract suites are made of tests"},
	{"filippo.io/age", []string{"secret"}, "a secret is sealed where it is made"},
	{"github.com/golang-jwt/", nil, "other people's makers and verifiers of tokens, for tests alone: ours is go-jose"},
	{"github.com/lestrrat-go/", nil, "other people's makers and verifiers of tokens, for tests alone: ours is go-jose"},
	{"github.com/anishathalye/porcupine", nil, "it judges histories, in tests alone"},
	{"go.uber.org/goleak", nil, "it finds goroutines that tests leave, in tests alone"},
	{"math/rand", nil, "what is random here must be unguessable: crypto/rand"},
}

var sqlPackages = []string{"store/sqlite", "store/postgres"}

// reveals are the packages that may call Reveal of a secret.
var reveals = map[string]string{
	"secret":    "digests it",
	"authority": "checks tokens, which come as secrets",
	"oauth":     "writes the answer that has the token",
	"api":       "encodes it for the wire",
	"client":    "sends its own credentials",
	"provider":  "writes it into Terraform's state",
	"cli":       "writes the token file, and reads files of keys",
	"apitest":   "compares what came back with what was sent",
}

// vague are names that say nothing about what a package holds.
var vague = []string{"util", "utils", "common", "helper", "helpers", "types", "impl", "misc", "base", "shared"}
