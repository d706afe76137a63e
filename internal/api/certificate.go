package api

// Certificate is a certificate of an agent for mutual TLS, or a subject that is
// trusted in certificates of others.
type Certificate struct {
	ID             string   `json:"id"`
	CertificatePEM string   `json:"certificatePem,omitempty"` // "" of a subject
	CAChainPEM     string   `json:"caChainPem,omitempty"`     // of one that the server signed: those above it
	SerialNumber   string   `json:"serialNumber,omitempty"`   // hexadecimal
	ThumbprintS256 string   `json:"thumbprintSha256,omitempty"`
	NotBefore      int64    `json:"notBefore,omitempty"` // unix seconds
	NotAfter       int64    `json:"notAfter,omitempty"`  // unix seconds
	Subject        *Subject `json:"subject,omitempty"`
	ExpiresAt      int64    `json:"expiresAt"` // unix seconds; 0 never
	CreatedAt      int64    `json:"createdAt"` // unix milliseconds, strictly growing in an agent
	Status         Status   `json:"status"`
	Latest         bool     `json:"latest"` // the newest of its agent, live or not
	CreatedBy      string   `json:"createdBy,omitempty"`
	FirstUsedAt    int64    `json:"firstUsedAt,omitempty"` // unix milliseconds
	LastUsedAt     int64    `json:"lastUsedAt,omitempty"`  // unix milliseconds
}

// Live reports whether it opens the door, by the server's clock.
func (c Certificate) Live() bool { return c.Status == Active || c.Status == Retiring }

// Subject is what a certificate must name (RFC 8705 §2.1.2): exactly one of the
// members is set.
type Subject struct {
	DN    string `json:"subjectDn,omitempty"` // RFC 4514
	DNS   string `json:"sanDns,omitempty"`
	URI   string `json:"sanUri,omitempty"`
	IP    string `json:"sanIp,omitempty"`
	Email string `json:"sanEmail,omitempty"`
}

// CertificateRequest asks for a certificate (POST …/certificates; PUT
// …/certificates/{serial} with an id of the caller's). Exactly one of csrPem,
// certificatePem and subject is set.
type CertificateRequest struct {
	CSRPEM         string   `json:"csrPem,omitempty"`          // signed by the server's CA
	Validity       int64    `json:"validitySeconds,omitempty"` // of what is signed; 0: the server's default
	CertificatePEM string   `json:"certificatePem,omitempty"`  // trusted as it is
	Subject        *Subject `json:"subject,omitempty"`         // trusted under the server's CA bundle

	ExpiresAt int64              `json:"expiresAt,omitempty"` // unix seconds; never after the certificate's own end
	Previous  *RetireCertificate `json:"previous,omitempty"`  // retires that one alone
	Revoke    []string           `json:"revoke,omitempty"`    // revokes these at once
	// Claim makes one that is there already, and active, the newest of its
	// agent, with a createdAt of now: who had it before sees that it is another's.
	Claim bool `json:"claim,omitempty"`
}

// RetireCertificate lets one live until ExpiresAt, as Retire does with a secret.
type RetireCertificate struct {
	ID        string `json:"id"`
	ExpiresAt int64  `json:"expiresAt"`
}

// CertificateChange is the body of PATCH …/certificates/{serial}.
type CertificateChange struct {
	ExpiresAt *int64 `json:"expiresAt"` // unix seconds; 0 never
}

// CertificateList is the answer to GET …/certificates: newest first, all live
// ones and the latest dead ones.
type CertificateList struct {
	Count int           `json:"count"`
	List  []Certificate `json:"list"`
}
