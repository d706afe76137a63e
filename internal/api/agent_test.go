package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// TestAgentOfWSO2 reads the answer to a create in WSO2's documentation.
func TestAgentOfWSO2(t *testing.T) {
	const body = `{"password":"K#B79pB%dq*v7sE!",
 "meta":{"created":"2025-12-17T06:17:51.835814Z","location":"https://api.asgardeo.io/t/org/scim2/Agents/688d98c0-1c8d-49c2-9316-559a76cd9240","lastModified":"2025-12-17T06:17:52.150201Z","resourceType":"Agent"},
 "schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","urn:scim:wso2:schema","urn:scim:schemas:extension:custom:User","urn:scim:wso2:agent:schema"],
 "roles":[{"audienceValue":"10084a8d","display":"everyone","audienceType":"organization","value":"97e4626a","$ref":"https://api.asgardeo.io/t/org/scim2/v2/Roles/97e4626a","audienceDisplay":"org"}],
 "id":"688d98c0-1c8d-49c2-9316-559a76cd9240",
 "userName":"AGENT/688d98c0-1c8d-49c2-9316-559a76cd9240",
 "urn:scim:wso2:agent:schema":{"Owner":"7a6f7b26@org","Description":"Intelligent Vet Assistant","DisplayName":"Vetassist AI"},
 "urn:scim:wso2:schema":{"lastPasswordUpdateTime":"1765952272085"}}`
	var got api.Agent
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Password.Reveal() != "K#B79pB%dq*v7sE!" || !got.IsAgent() || got.Blocked() ||
		got.Profile.DisplayName != "Vetassist AI" || got.System.LastPasswordUpdateTime != "1765952272085" ||
		got.Roles[0].Display != "everyone" || got.Extension != nil {
		t.Errorf("read as %+v", got)
	}
}

func TestIsAgent(t *testing.T) {
	for name, want := range map[string]bool{"AGENT/x": true, "": false, "ann": false, "PRIMARY/ann": false, "agent/x": false, "AGENTS/x": false} {
		if got := (api.Agent{UserName: name}).IsAgent(); got != want {
			t.Errorf("IsAgent of %q = %v, want %v", name, got, want)
		}
	}
}

func TestBlocked(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`:              false,
		`{"active":true}`: false, `{"active":false}`: true,
		`{"urn:scim:wso2:schema":{}}`:                                       false,
		`{"urn:scim:wso2:schema":{"accountLocked":false}}`:                  false,
		`{"urn:scim:wso2:schema":{"accountLocked":true}}`:                   true,
		`{"urn:scim:wso2:schema":{"accountLocked":"true"}}`:                 true,
		`{"urn:scim:wso2:schema":{"accountLocked":"FALSE"},"active":true}`:  false,
		`{"urn:scim:wso2:schema":{"accountLocked":"false"},"active":false}`: true,
	} {
		var a api.Agent
		if err := json.Unmarshal([]byte(body), &a); err != nil {
			t.Fatal(err)
		}
		if got := a.Blocked(); got != want {
			t.Errorf("Blocked of %s = %v, want %v", body, got, want)
		}
	}
}

func TestAgentRefused(t *testing.T) {
	for body, says := range map[string]string{
		`{"urn:scim:wso2:agent:schema":[]}`:                         "must be an object",
		`{"urn:scim:wso2:agent:schema":{"DisplayName":{}}}`:         "DisplayName must be a string",
		`{"urn:scim:wso2:agent:schema":{"Url":[]}}`:                 "Url must be a string",
		`{"urn:scim:wso2:agent:schema":{"IsUserServingAgent":"x"}}`: "must be true or false",
		`{"urn:scim:wso2:schema":{"accountLocked":"perhaps"}}`:      "must be true or false",
		`{"urn:scim:wso2:schema":{"accountLocked":1}}`:              "must be true or false",
		`{"password":1}`: "a secret must be a JSON string",
	} {
		var a api.Agent
		if err := json.Unmarshal([]byte(body), &a); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s = %v, want an error that says %q", body, err, says)
		}
	}
}

// FuzzAgent holds the law that an agent that was sent is the agent that comes
// in.
func FuzzAgent(f *testing.F) {
	f.Add("id", "Vet", "o", "Url", "https://x", "Hunter-2", "scope", true, true)
	f.Add("", "", "", "", "", "", "", false, false)
	f.Add("<&>", "\u2028", "\"", "DisplayName", "x", "\\", "\n", true, false)
	f.Fuzz(func(t *testing.T, id, name, owner, key, value, password, scope string, active, locked bool) {
		for _, s := range []string{id, name, owner, key, value, password, scope} {
			if !utf8.ValidString(s) {
				return // has no JSON
			}
		}
		bit := api.Bool(locked)
		sent := api.Agent{
			ID: id, ExternalID: owner, Active: &active, Password: secret.New(password),
			Profile:   api.AgentProfile{DisplayName: name, Owner: owner, IsUserServingAgent: &locked},
			System:    &api.AgentSystem{AccountLocked: &bit, LastPasswordUpdateTime: value},
			Extension: &api.AgentSecurity{Scopes: []string{scope}, OwnerToken: value, Secrets: []api.Secret{{SecretID: id}}},
		}
		switch key {
		case "DisplayName", "Description", "Owner", "IsUserServingAgent": // have members of their own
		default:
			sent.Profile.Attributes = map[string]string{key: value}
		}
		data, err := api.Encode(sent)
		if err != nil {
			t.Fatal(err)
		}
		var got api.Agent
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if diff := cmp.Diff(sent, got); diff != "" {
			t.Errorf("%s (-sent +got):\n%s", data, diff)
		}
	})
}
