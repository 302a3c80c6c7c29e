package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/integration/dockerdproc"
)

// badRequests is what clients get wrong, and what the ancestor's daemon (20.10)
// answers. Its lines:
//
//	# a comment
//	METHOD TARGET, as they stand in the request
//	| Header: value
//	< the body; it is application/json if no header says otherwise
//	  what dockerd answered: the status, and its message
//	~ why we answer differently; our own answer follows
//
// In a target, a header and a body \xHH is that byte, and \{w*1000} is w a thousand
// times. TestRecordBadRequests records what dockerd answers; that each route is
// among them is checked beside the routes (api/server).
const badRequests = "testdata/requests/bad.txt"

// TestBadRequestsAsDockerd sends each request and compares the status and message.
func TestBadRequestsAsDockerd(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	prepareForBadRequests(t, d.Socket())
	compareRequests(t, badRequests, d.Socket(), tellAnswer)
	stillServes(t, d)
}

// compareRequests sends each request of a table and compares what came back.
func compareRequests(t *testing.T, file, socket string, tell func(*http.Response) string) {
	t.Helper()
	for _, r := range readRequests(t, file) {
		if r.target == "" {
			continue
		}
		got, want := r.exchange(t, socket, tell), r.answer
		if r.why != "" {
			if r.ours == r.answer {
				t.Errorf("line %d: a reason without a difference: %s", r.line, r.why)
			}
			want = r.ours
		}
		if got != want {
			t.Errorf("line %d: %s %s\n got %s\nwant %s", r.line, r.method, r.target, got, want)
		}
	}
}

// TestRecordBadRequests writes what dockerd answers into the table. Our own answers
// stay where they have a reason.
func TestRecordBadRequests(t *testing.T) {
	if os.Getenv("ENGINEJOBS_RECORD") != "badrequests" {
		t.Skip("records the answers of dockerd: ENGINEJOBS_RECORD=badrequests")
	}
	d := dockerdproc.Start(t) // bridges of networks outlive a daemon, but not its namespace
	d.Import(t, daemonproc.MustAsset(t, "busybox"), "busybox")
	socket := strings.TrimPrefix(d.Host(), "unix://")
	prepareForBadRequests(t, socket)
	recordRequests(t, badRequests, socket, tellAnswer)
	prepareForHeads(t, socket)
	recordRequests(t, heads, socket, tellHead)
}

func recordRequests(t *testing.T, file, socket string, tell func(*http.Response) string) {
	t.Helper()
	var out strings.Builder
	for _, r := range readRequests(t, file) {
		if r.target != "" {
			r.answer = r.exchange(t, socket, tell)
		}
		out.WriteString(r.String())
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// prepareForBadRequests makes what the requests name: a container box that never
// runs, and a volume vol.
func prepareForBadRequests(t *testing.T, socket string) {
	t.Helper()
	for _, r := range []badRequest{
		{method: "POST", target: "/v1.41/containers/create?name=box", body: `{"Image":"busybox","Cmd":["true"]}`},
		{method: "POST", target: "/v1.41/volumes/create", body: `{"Name":"vol"}`},
	} {
		if got := r.send(t, socket); got != "201" {
			t.Fatalf("%s: %s", r.target, got)
		}
	}
}

// badRequest is a request of the table, or a line of it that is none.
type badRequest struct {
	line           int
	text           string // as written, when it is no request
	method, target string
	headers        []string
	body           string
	answer         string
	why, ours      string
}

func readRequests(t *testing.T, file string) []*badRequest {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := parseRequests(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return all
}

func parseRequests(text string) ([]*badRequest, error) {
	var all []*badRequest
	var last *badRequest
	for n, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if line == "" || line[0] == '#' {
			last = nil
			all = append(all, &badRequest{line: n + 1, text: line})
			continue
		}
		if line[0] >= 'A' && line[0] <= 'Z' {
			method, target, _ := strings.Cut(line, " ")
			last = &badRequest{line: n + 1, method: method, target: target}
			all = append(all, last)
			continue
		}
		if last == nil {
			return nil, fmt.Errorf("line %d belongs to no request: %s", n+1, line)
		}
		switch rest := line[min(2, len(line)):]; line[0] {
		case '|':
			last.headers = append(last.headers, rest)
		case '<':
			last.body = rest
		case '~':
			last.why = rest
		case ' ':
			if last.why != "" {
				last.ours = rest
			} else {
				last.answer = rest
			}
		default:
			return nil, fmt.Errorf("line %d: what is %q?", n+1, line)
		}
	}
	return all, nil
}

// String is r as it stands in the table.
func (r *badRequest) String() string {
	if r.target == "" {
		return r.text + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.method, r.target)
	for _, h := range r.headers {
		b.WriteString("| " + h + "\n")
	}
	if r.body != "" {
		b.WriteString("< " + r.body + "\n")
	}
	b.WriteString("  " + r.answer + "\n")
	if r.why != "" {
		b.WriteString("~ " + r.why + "\n  " + r.ours + "\n")
	}
	return b.String()
}

// send sends r as it stands, on a connection of its own, and says what came back.
func (r *badRequest) send(t *testing.T, socket string) string {
	t.Helper()
	return r.exchange(t, socket, tellAnswer)
}

// exchange is send with another way to say what came back.
func (r *badRequest) exchange(t *testing.T, socket string, tell func(*http.Response) string) string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	body := unfold(r.body)
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: docker\r\n", r.method, unfold(r.target))
	typed, sized := body == "", false
	for _, h := range r.headers {
		head.WriteString(unfold(h) + "\r\n")
		typed = typed || strings.HasPrefix(h, "Content-Type:")
		sized = sized || strings.HasPrefix(h, "Transfer-Encoding:") || strings.HasPrefix(h, "Content-Length:")
	}
	if !typed {
		head.WriteString("Content-Type: application/json\r\n")
	}
	if !sized && (body != "" || r.method != "GET" && r.method != "HEAD") {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", len(body))
	}
	head.WriteString("\r\n" + body)
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(head.Bytes())
		sent <- err // a refusal may come before all is sent
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.method})
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return "no answer in time"
		}
		return "connection closed"
	}
	defer resp.Body.Close()
	said := tell(resp)
	conn.Close()
	<-sent
	return said
}

// tellAnswer is the status of an answer and, of a failure, what it says.
func tellAnswer(resp *http.Response) string {
	status := strconv.Itoa(resp.StatusCode)
	if at := resp.Header.Get("Location"); at != "" {
		return status + " to " + at
	}
	if resp.StatusCode < 400 {
		if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // what is cut has no error in it
			lines := strings.Split(strings.TrimSpace(string(body)), "\n")
			var last struct{ Error string }
			if json.Unmarshal([]byte(lines[len(lines)-1]), &last) == nil && last.Error != "" {
				return status + " error: " + oneLine(last.Error)
			}
		}
		return status
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // a short answer is as good
	var answer struct{ Message string }
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") && json.Unmarshal(body, &answer) == nil {
		return strings.TrimSpace(status + " " + oneLine(answer.Message))
	}
	return strings.TrimSpace(status + " text: " + oneLine(string(body)))
}

// oneLine makes a message a line that is not too long.
func oneLine(s string) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "?")
	s = strings.NewReplacer("\n", "; ", "\x00", `\0`).Replace(s)
	s = regexp.MustCompile(`/tmp/ejt-dockerd-\d+|docker-import-\d+`).ReplaceAllString(s, "DIR")
	s = regexp.MustCompile(`(to |only |available: )[\d.,-]+( CPUs|, as there|$)`).ReplaceAllString(s, "${1}N$2") // of this machine
	s = regexp.MustCompile(`\b[0-9a-f]{64}\b`).ReplaceAllStringFunc(s, func(id string) string {
		if strings.Trim(id, "0") == "" {
			return id // that is one of the table
		}
		return "ID"
	})
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:200], "") + " ... " + strings.ToValidUTF8(s[len(s)-60:], "")
	}
	return s
}

// unfold replaces \xHH and \{w*1000}.
func unfold(s string) string {
	folded := regexp.MustCompile(`\\x[0-9a-f]{2}|\\\{[^*]+\*\d+\}`)
	return folded.ReplaceAllStringFunc(s, func(m string) string {
		if m[1] == 'x' {
			b, err := strconv.ParseUint(m[2:], 16, 8)
			if err != nil {
				return m
			}
			return string([]byte{byte(b)})
		}
		word, times, _ := strings.Cut(m[2:len(m)-1], "*")
		n, err := strconv.Atoi(times)
		if err != nil {
			return m
		}
		return strings.Repeat(word, n)
	})
}

// TestBadRequestsFormat: the table comes out as it was read.
func TestBadRequestsFormat(t *testing.T) {
	text, err := os.ReadFile(badRequests)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var seen []string
	for _, r := range readRequests(t, badRequests) {
		s := r.String()
		out.WriteString(s)
		if r.target == "" {
			continue
		}
		if r.answer == "" {
			t.Errorf("line %d: no answer; record it", r.line)
		}
		key := fmt.Sprint(r.method, r.target, r.headers, r.body)
		if slices.Contains(seen, key) {
			t.Errorf("line %d: the same request as before: %s %s", r.line, r.method, r.target)
		}
		seen = append(seen, key)
	}
	if out.String() != string(text) {
		t.Error("the table is not in its own form; record it anew")
	}
}
