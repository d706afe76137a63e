package api

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A plain WSO2 server keeps no external id of an agent. There it stands at the
// end of the description, as the marker
//
//	<description> | external_id=<external id>
//
// and alone where there is no description.
const (
	markerName = "external_id="
	markerJoin = " | "
)

// maxDescription is how many characters a claim of a WSO2 store has room for.
const maxDescription = 1024

// Marker is the text by which an external id can be searched for in
// descriptions.
func Marker(externalID string) string { return markerName + externalID }

// Mark joins a description and an external id.
func Mark(description, externalID string) (string, error) {
	if externalID == "" {
		return description, nil
	}
	text := Marker(externalID)
	if description != "" {
		text = description + markerJoin + text
	}
	switch n := utf8.RuneCountInString(text); {
	case strings.Contains(externalID, markerJoin+markerName):
		return "", fmt.Errorf("an external id cannot hold %q", markerJoin+markerName)
	case n > maxDescription:
		return "", fmt.Errorf("description and external id have %d characters together, and the server keeps them in one text of %d", n, maxDescription)
	case strings.TrimSpace(text) != text:
		return "", errors.New("a description that carries an external id begins and ends without a blank")
	}
	return text, nil
}

// Unmark takes apart what Mark joined.
func Unmark(text string) (description, externalID string) {
	if id, ok := strings.CutPrefix(text, markerName); ok && !strings.Contains(id, markerJoin+markerName) {
		return "", id
	}
	at := strings.LastIndex(text, markerJoin+markerName)
	if at < 0 {
		return text, ""
	}
	return text[:at], text[at+len(markerJoin+markerName):]
}
