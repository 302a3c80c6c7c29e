package server

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// plainAnswers answers plain requests.
type plainAnswers struct {
	same    string // header lines of all answers
	usual   int    // how many those are, and the type of a document
	handler http.Handler
	now     func() time.Time
	latest  atomic.Pointer[plainHeads]
}

// plainHeads are texts that are right for one second.
type plainHeads struct {
	second    int64
	get, head []byte // answers to a ping, whole
	document  []byte // of a success, up to its length
}

const documentType = "application/json"

// plainAnswers makes the answers of a server, whose pages have the origin cors.
func (s *Server) plainAnswers(cors string) *plainAnswers {
	h := http.Header{}
	s.setHeaders(h, cors)
	var same strings.Builder
	_ = h.Write(&same) // a Builder takes everything
	return &plainAnswers{same: same.String(), usual: len(h) + 1, now: time.Now, handler: s.Handler(cors)}
}

// heads are those of this second.
func (a *plainAnswers) heads() *plainHeads {
	now := a.now()
	latest := a.latest.Load()
	if latest == nil || latest.second != now.Unix() {
		begin := "HTTP/1.1 200 OK\r\n" + a.same + "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"
		h := http.Header{}
		pingHeaders(h)
		var more strings.Builder
		_ = h.Write(&more) // a Builder takes everything
		latest = &plainHeads{
			second:   now.Unix(),
			get:      []byte(begin + more.String() + "Content-Length: 2\r\n\r\nOK"),
			head:     []byte(begin + more.String() + "Content-Length: 0\r\n\r\n"),
			document: []byte(begin + "Content-Type: " + documentType + "\r\nContent-Length: "),
		}
		a.latest.Store(latest)
	}
	return latest
}

// ping is the whole answer to a method.
func (a *plainAnswers) ping(method string) []byte {
	if method == http.MethodHead {
		return a.heads().head
	}
	return a.heads().get
}

// serve answers GET path as net/http would, and writes the answer as a whole.
func (a *plainAnswers) serve(c *plainConn, path string) error {
	if c.remote == "" {
		c.remote = c.RemoteAddr().String()
	}
	r := (&http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: path}, RequestURI: path, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, RemoteAddr: c.remote,
	}).WithContext(c.ctx)
	w, _ := plainAnswerPool.Get().(*plainAnswer)
	defer w.release()
	a.handler.ServeHTTP(w, r)
	w.head = append(strconv.AppendInt(a.head(w), int64(w.body.Len()), 10), "\r\n\r\n"...)
	_, err := (&net.Buffers{w.head, w.body.Bytes()}).WriteTo(c.Conn)
	return err
}

// head is the head of an answer, up to its length.
func (a *plainAnswers) head(w *plainAnswer) []byte {
	delete(w.header, "Content-Length")
	media := w.header["Content-Type"]
	if w.status == http.StatusOK && len(w.header) == a.usual && len(media) == 1 && media[0] == documentType {
		return append(w.head[:0], a.heads().document...)
	}
	w.header.Set("Date", a.now().UTC().Format(http.TimeFormat))
	text := bytes.NewBuffer(w.head[:0])
	fmt.Fprintf(text, "HTTP/1.1 %d %s\r\n", w.status, http.StatusText(w.status))
	_ = w.header.Write(text) // a Buffer takes everything
	text.WriteString("Content-Length: ")
	return text.Bytes()
}

// plainAnswer is an answer in memory, as a document is anyway.
type plainAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
	head   []byte // the text of status and header
}

var plainAnswerPool = sync.Pool{New: func() any {
	return &plainAnswer{header: http.Header{}, status: http.StatusOK}
}}

// Header is that of the answer.
func (w *plainAnswer) Header() http.Header { return w.header }

// WriteHeader sets the status.
func (w *plainAnswer) WriteHeader(status int) { w.status = status }

// Write adds to the body.
func (w *plainAnswer) Write(p []byte) (int, error) { return w.body.Write(p) }

func (w *plainAnswer) release() {
	if w.body.Cap() > 1<<20 { // a giant answer is not kept for the next small one
		return
	}
	clear(w.header)
	w.status = http.StatusOK
	w.body.Reset()
	plainAnswerPool.Put(w)
}
