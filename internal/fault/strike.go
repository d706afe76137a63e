package fault

import (
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
)

// body of the answers that a rule makes: not in any API's words, as those of
// proxies and balancers are not.
const body = "This answer was made by a --fault of the server.\n"

// page is that of a gateway whose server is gone.
const page = "<html><head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center><hr></body></html>\r\n"

// strike does to a request what the rule says.
func (r *Rule) strike(w http.ResponseWriter, req *http.Request, next http.Handler) {
	switch r.kind {
	case tooMany:
		r.refuse(w, http.StatusTooManyRequests)
	case unavailable:
		r.refuse(w, http.StatusServiceUnavailable)
	case badGateway:
		gateway(w)
	case reset:
		hangUp(w, true, nil)
	case failLate:
		handled(next, req)
		r.refuse(w, http.StatusInternalServerError)
	case gatewayLate:
		handled(next, req)
		gateway(w)
	case lostLate:
		handled(next, req)
		hangUp(w, false, nil)
	case resetLate:
		handled(next, req)
		hangUp(w, true, nil)
	case cut:
		raw, headers := handled(next, req).raw(req)
		hangUp(w, false, raw[:r.cut.in(len(raw), headers)])
	case slow:
		r.drip(w, req, handled(next, req))
	case delay: // is over
	}
}

// refuse answers instead of the handler.
func (r *Rule) refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if r.wait {
		w.Header().Set("Retry-After", strconv.Itoa(int(r.least/time.Second)))
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// gateway answers in place of the server.
func gateway(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, page)
}

// hangUp writes the bytes, if any, and ends the connection; with abort as if
// the machine were gone. Over HTTP/2, which has no connection to end, it ends
// the stream.
func hangUp(w http.ResponseWriter, abort bool, last []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write(last)
	under := conn
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok && abort {
		under = secured.NetConn() // TLS would say goodbye
	}
	if tcp, ok := under.(*net.TCPConn); ok && abort {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
}

// answer is what a handler said.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// handled lets the handler do its work, and keeps its answer.
func handled(next http.Handler, req *http.Request) *answer {
	a := &answer{header: http.Header{}}
	next.ServeHTTP(a, req)
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// raw is the answer as it would go over the wire, and how many of its bytes
// come before the body.
func (a *answer) raw(req *http.Request) (text []byte, headers int) {
	resp := http.Response{
		ProtoMajor: 1, ProtoMinor: 1, StatusCode: a.status, Header: a.header, Request: req, Close: true,
		Body: io.NopCloser(bytes.NewReader(a.body.Bytes())), ContentLength: int64(a.body.Len()),
	}
	var b bytes.Buffer
	_ = resp.Write(&b) // into memory
	return b.Bytes(), bytes.Index(b.Bytes(), []byte("\r\n\r\n")) + 4
}

// in is how many bytes are sent of an answer.
func (p place) in(length, headers int) int {
	switch p.where {
	case "headers":
		return headers
	case "half":
		return headers + (length-headers)/2
	case "last":
		return length - 1
	default:
		return min(p.bytes, length)
	}
}

// drops is in how many pieces a slow answer is sent.
const drops = 20

// drip sends the body little by little.
func (r *Rule) drip(w http.ResponseWriter, req *http.Request, a *answer) {
	unbounded(w)
	maps.Copy(w.Header(), a.header)
	if a.body.Len() > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	}
	w.WriteHeader(a.status)
	control := http.NewResponseController(w)
	size := max(1, (a.body.Len()+drops-1)/drops)
	for piece := a.body.Next(size); len(piece) > 0; piece = a.body.Next(size) {
		_ = control.Flush()
		if !sleep(req.Context(), r.least/drops) {
			return
		}
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}
