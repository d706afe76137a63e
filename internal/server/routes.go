package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// Route is one line of the route table, as far as it concerns who may do what.
type Route struct {
	Method  string // HEAD goes where GET goes
	Pattern string // as http.ServeMux takes it
	Scope   string // what the principal needs; "" when any will do
	Open    bool   // answered without a principal
}

// route is one line of the route table.
type route struct {
	Route
	status   int     // of success, unless the handler says otherwise
	store    need    // what it needs of the store
	maxBody  int64   // 0: Config.MaxBody
	notFound string  // WSO2's words when there is no such agent or role; {id} stands for the id
	handler  handler // what it does
}

// need says what a route needs of the store.
type need int

const (
	noStore  need = iota // nothing
	existing             // what is there, if anything
	create               // a store, made where there is none
)

// smallBody is enough for a secret, a key, an expiry, or a search.
const smallBody = 64 << 10

// WSO2's words for an agent that is not there differ by method.
const (
	notFoundGet    = "User not found in the user store."
	notFoundPut    = "No user exists with the given id: {id}"
	notFoundPatch  = "No user with the id : {id} in the user store."
	notFoundDelete = noSuchEndpoint
	notFoundRole   = "Role not found in the system."
)

// table is every route there is, in any profile.
func table() []route {
	return []route{
		{Route{"POST", api.PathAgents, api.ScopeAgentCreate, false}, 201, create, 0, "", takes((*Server).createAgent)},
		{Route{"GET", api.PathAgents, api.ScopeAgentList, false}, 200, existing, 0, "", reads((*Server).listAgents)},
		{Route{"POST", api.PathAgentSearch, api.ScopeAgentList, false}, 200, existing, smallBody, "", takes((*Server).searchAgents)},
		{Route{"GET", api.PatternAgent, api.ScopeAgentView, false}, 200, existing, 0, notFoundGet, reads((*Server).getAgent)},
		{Route{"PUT", api.PatternAgent, api.ScopeAgentUpdate, false}, 200, existing, 0, notFoundPut, takes((*Server).replaceAgent)},
		{Route{"PATCH", api.PatternAgent, api.ScopeAgentUpdate, false}, 200, existing, 0, notFoundPatch, takes((*Server).patchAgent)},
		{Route{"DELETE", api.PatternAgent, api.ScopeAgentDelete, false}, 204, existing, 0, notFoundDelete, reads((*Server).deleteAgent)},

		{Route{"POST", api.PathRoles, api.ScopeRoleCreate, false}, 201, create, 0, "", takes((*Server).createRole)},
		{Route{"GET", api.PathRoles, api.ScopeRoleView, false}, 200, existing, 0, "", reads((*Server).listRoles)},
		{Route{"POST", api.PathRoleSearch, api.ScopeRoleView, false}, 200, existing, smallBody, "", takes((*Server).searchRoles)},
		{Route{"GET", api.PatternRole, api.ScopeRoleView, false}, 200, existing, 0, notFoundRole, reads((*Server).getRole)},
		{Route{"PUT", api.PatternRole, api.ScopeRoleUpdate, false}, 200, existing, 0, notFoundRole, takes((*Server).replaceRole)},
		{Route{"PATCH", api.PatternRole, api.ScopeRoleUpdate, false}, 200, existing, 0, notFoundRole, takes((*Server).patchRole)},
		{Route{"DELETE", api.PatternRole, api.ScopeRoleDelete, false}, 204, existing, 0, notFoundRole, reads((*Server).deleteRole)},
		{Route{"POST", api.PathRolesV3, api.ScopeRoleMetaCreate, false}, 201, create, 0, "", takes((*Server).createRole)},
		{Route{"GET", api.PathRolesV3, api.ScopeRoleView, false}, 200, existing, 0, "", reads((*Server).listRoles)},
		{Route{"POST", api.PathRoleSearchV3, api.ScopeRoleView, false}, 200, existing, smallBody, "", takes((*Server).searchRoles)},
		{Route{"GET", api.PatternRoleV3, api.ScopeRoleView, false}, 200, existing, 0, notFoundRole, reads((*Server).getRole)},
		{Route{"PUT", api.PatternRoleV3, api.ScopeRoleMetaUpdate, false}, 200, existing, 0, notFoundRole, takes((*Server).replaceRole)},
		{Route{"PATCH", api.PatternRoleV3, api.ScopeRoleMetaUpdate, false}, 200, existing, 0, notFoundRole, takes((*Server).patchRole)},
		{Route{"DELETE", api.PatternRoleV3, api.ScopeRoleDelete, false}, 204, existing, 0, notFoundRole, reads((*Server).deleteRole)},
		{Route{"PUT", api.PatternRoleUsers, api.ScopeRoleUsersUpdate, false}, 200, existing, 0, notFoundRole, takesList((*Server).replaceRoleUsers)},
		{Route{"PATCH", api.PatternRoleUsers, api.ScopeRoleUsersUpdate, false}, 200, existing, 0, notFoundRole, takes((*Server).patchRoleUsers)},

		{Route{"GET", api.PathSchemas, "", false}, 200, noStore, 0, "", reads((*Server).schemas)},
		{Route{"GET", api.PatternSchema, "", false}, 200, noStore, 0, "", reads((*Server).schema)},
		{Route{"GET", api.PathTypes, "", false}, 200, noStore, 0, "", reads((*Server).resourceTypes)},
		{Route{"GET", api.PatternType, "", false}, 200, noStore, 0, "", reads((*Server).resourceType)},
		{Route{"GET", api.PathServerConfig, "", false}, 200, existing, 0, "", reads((*Server).serverConfig)},

		{Route{"POST", api.PatternSecrets, api.ScopeCredentialCreate, false}, 201, existing, smallBody, "", takes((*Server).addSecret)},
		{Route{"GET", api.PatternSecrets, api.ScopeCredentialView, false}, 200, existing, 0, "", reads((*Server).listSecrets)},
		{Route{"PUT", api.PatternSecret, api.ScopeCredentialCreate, false}, 201, existing, smallBody, "", takes((*Server).putSecret)},
		{Route{"GET", api.PatternSecret, api.ScopeCredentialView, false}, 200, existing, 0, "", reads((*Server).getSecret)},
		{Route{"PATCH", api.PatternSecret, api.ScopeCredentialDelete, false}, 200, existing, smallBody, "", takes((*Server).expireSecret)},
		{Route{"DELETE", api.PatternSecret, api.ScopeCredentialDelete, false}, 204, existing, 0, "", reads((*Server).revokeSecret)},
		{Route{"POST", api.PatternKeys, api.ScopeCredentialCreate, false}, 201, existing, smallBody, "", takes((*Server).addKey)},
		{Route{"GET", api.PatternKeys, api.ScopeCredentialView, false}, 200, existing, 0, "", reads((*Server).listKeys)},
		{Route{"PUT", api.PatternKey, api.ScopeCredentialCreate, false}, 201, existing, smallBody, "", takes((*Server).putKey)},
		{Route{"GET", api.PatternKey, api.ScopeCredentialView, false}, 200, existing, 0, "", reads((*Server).getKey)},
		{Route{"PATCH", api.PatternKey, api.ScopeCredentialDelete, false}, 200, existing, smallBody, "", takes((*Server).expireKey)},
		{Route{"DELETE", api.PatternKey, api.ScopeCredentialDelete, false}, 204, existing, 0, "", reads((*Server).revokeKey)},
		{Route{"POST", api.PatternCertificates, api.ScopeCredentialCreate, false}, 201, existing, smallBody, "", takes((*Server).addCertificate)},
		{Route{"GET", api.PatternCertificates, api.ScopeCredentialView, false}, 200, existing, 0, "", reads((*Server).listCertificates)},
		{Route{"PUT", api.PatternCertificate, api.ScopeCredentialCreate, false}, 201, existing, smallBody, "", takes((*Server).putCertificate)},
		{Route{"GET", api.PatternCertificate, api.ScopeCredentialView, false}, 200, existing, 0, "", reads((*Server).getCertificate)},
		{Route{"PATCH", api.PatternCertificate, api.ScopeCredentialDelete, false}, 200, existing, smallBody, "", takes((*Server).expireCertificate)},
		{Route{"DELETE", api.PatternCertificate, api.ScopeCredentialDelete, false}, 204, existing, 0, "", reads((*Server).revokeCertificate)},
		{Route{"GET", api.PathCRL, "", true}, 200, existing, 0, "", reads((*Server).revocationList)},
		{Route{"POST", api.PatternRevoke, api.ScopeCredentialDelete, false}, 200, existing, 0, "", reads((*Server).revokeAgent)},

		{Route{"POST", api.PathClients, api.ScopeClientCreate, false}, 201, existing, smallBody, "", takes((*Server).createClient)},
		{Route{"GET", api.PathClients, api.ScopeClientView, false}, 200, existing, 0, "", reads((*Server).listClients)},
		{Route{"POST", api.PatternClientSecrets, api.ScopeClientCreate, false}, 201, existing, smallBody, "", takes((*Server).rotateClient)},
		{Route{"POST", api.PatternClientProofs, api.ScopeClientCreate, false}, 201, existing, smallBody, "", takes((*Server).equipClient)},
		{Route{"DELETE", api.PatternClient, api.ScopeClientDelete, false}, 204, existing, 0, "", reads((*Server).deleteClient)},

		{Route{"GET", api.PathAuditEvents, api.ScopeAuditView, false}, 200, existing, 0, "", reads((*Server).auditEvents)},
		{Route{"GET", api.PathCheckpoint, api.ScopeAuditView, false}, 200, existing, 0, "", reads((*Server).checkpoint)},

		{Route{"GET", api.PathHealth, "", true}, 200, noStore, 0, "", reads((*Server).healthy)},
		{Route{"GET", api.PathReady, "", true}, 200, noStore, 0, "", reads((*Server).ready)},
	}
}

// Routes is the route table of Reference.
func Routes() []Route { return Reference().Routes() }

// Routes is the route table of the profile: every request that is not answered
// by 404 or 405 has its line.
func (p Profile) Routes() []Route {
	rows := p.routes
	out := make([]Route, len(rows))
	for i, rt := range rows {
		out[i] = rt.Route
	}
	return out
}

// mux puts the table in force.
func (s *Server) mux() *http.ServeMux {
	patterns := map[string]map[string]route{}
	for _, rt := range s.cfg.Profile.routes {
		if patterns[rt.Pattern] == nil {
			patterns[rt.Pattern] = map[string]route{}
		}
		patterns[rt.Pattern][rt.Method] = rt
		if rt.Method == http.MethodGet {
			patterns[rt.Pattern][http.MethodHead] = rt
		}
	}
	mux := http.NewServeMux()
	for pattern, methods := range patterns {
		allow := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			rt, ok := methods[r.Method]
			if !ok {
				w.Header().Set("Allow", allow)
				s.refuse(w, r, methodNotAllowed(r.Method, allow))
				return
			}
			s.handle(w, r, rt)
		})
	}
	mux.HandleFunc("/", s.nowhere)
	return mux
}

// nowhere answers a path that leads nowhere.
func (s *Server) nowhere(w http.ResponseWriter, r *http.Request) {
	if own := s.cfg.Profile.nowhere; own != nil && own(w, r) {
		return
	}
	s.refuse(w, r, noRoute(r))
}
