package client

import (
	"context"
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// PutCertificate adds a certificate under an id that the caller chose: sent
// twice, it is added once. ifMatch is as in PutSecret, with the id of the newest
// certificate.
func (c *Client) PutCertificate(ctx context.Context, agentID, id string, req api.CertificateRequest, ifMatch string) (api.Certificate, error) {
	return writeCertificate[api.Certificate](ctx, c, agentID, id, call{
		method: http.MethodPut, body: req, header: match(ifMatch), effect: replays,
	})
}

// AddCertificate adds a certificate under its serial number.
func (c *Client) AddCertificate(ctx context.Context, agentID string, req api.CertificateRequest) (api.Certificate, error) {
	return write[api.Certificate](ctx, c, agentID, call{
		method: http.MethodPost, path: api.PathCertificates(agentID), body: req, shielded: true,
	})
}

// Certificates lists what there is of an agent's certificates, newest first.
func (c *Client) Certificates(ctx context.Context, agentID string) ([]api.Certificate, error) {
	if err := checkID("an agent", agentID); err != nil {
		return nil, err
	}
	list, err := do[api.CertificateList](ctx, c, call{method: http.MethodGet, path: api.PathCertificates(agentID), effect: reads, needs: scopesExtension})
	return list.List, err
}

// Certificate tells what there is of one certificate.
func (c *Client) Certificate(ctx context.Context, agentID, id string) (api.Certificate, error) {
	if err := checkCertificateIDs(agentID, id); err != nil {
		return api.Certificate{}, err
	}
	return do[api.Certificate](ctx, c, call{method: http.MethodGet, path: api.PathCertificate(agentID, id), effect: reads, needs: scopesExtension})
}

// ExpireCertificate moves the end of a live certificate, in unix seconds by the
// server's clock; 0 is never.
func (c *Client) ExpireCertificate(ctx context.Context, agentID, id string, expiresAt int64) (api.Certificate, error) {
	return writeCertificate[api.Certificate](ctx, c, agentID, id, call{
		method: http.MethodPatch, body: api.CertificateChange{ExpiresAt: &expiresAt}, effect: replays,
	})
}

// RevokeCertificate ends a certificate at once, and every token that was made
// with it. ifMatch is as in PutCertificate.
func (c *Client) RevokeCertificate(ctx context.Context, agentID, id, ifMatch string) error {
	_, err := writeCertificate[nothing](ctx, c, agentID, id, call{method: http.MethodDelete, header: match(ifMatch), effect: replays})
	return err
}

// writeCertificate sends a call that changes one certificate. Its answer must
// not be lost: see shield.go.
func writeCertificate[T any](ctx context.Context, c *Client, agentID, id string, r call) (T, error) {
	if err := checkCertificateIDs(agentID, id); err != nil {
		var none T
		return none, err
	}
	r.path, r.shielded = api.PathCertificate(agentID, id), true
	return write[T](ctx, c, agentID, r)
}

func checkCertificateIDs(agentID, id string) error {
	if err := checkID("an agent", agentID); err != nil {
		return err
	}
	return checkID("a certificate", id)
}
