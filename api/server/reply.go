package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// reply says what becomes of a job's result.
type reply struct {
	code   int
	media  string
	kind   replyKind
	shapes []shape
	custom func(x *exchange, row *route) error
	tell   func(v version, job *engine.Job)
}

type replyKind int

const (
	replyEmpty    replyKind = iota // a status, no body
	replyDocument                  // one JSON document
	replyStream                    // bytes, as they come
	replyCustom
)

// empty answers success with a status alone.
func empty(code int) reply { return reply{code: code, kind: replyEmpty} }

// document answers with the JSON that the job writes, edited by those shapes
// that the version of the request needs. When it needs none, the job writes
// straight to the client.
func document(shapes ...shape) reply {
	return reply{code: http.StatusOK, media: "application/json", kind: replyDocument, shapes: shapes}
}

// told is the reply whose job is told by set what it has to know of the version of
// the request.
func (r reply) told(set func(v version, job *engine.Job)) reply {
	r.tell = set
	return r
}

// stream passes the bytes that the job writes.
func stream(media string) reply {
	return reply{code: http.StatusOK, media: media, kind: replyStream}
}

// custom leaves everything to a function.
func custom(f func(x *exchange, row *route) error) reply {
	return reply{kind: replyCustom, custom: f}
}

// answer serves one request of the row.
func (row *route) answer(x *exchange) error {
	if row.reply.kind == replyCustom {
		return row.reply.custom(x, row)
	}
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if row.reply.tell != nil {
		row.reply.tell(x.v, job)
	}
	switch row.reply.kind {
	case replyDocument:
		return x.answerDocument(job, row.reply)
	case replyStream:
		return x.direct(job, row.reply)
	default:
		if err := x.run(job); err != nil {
			return err
		}
		x.w.WriteHeader(row.reply.code)
		return nil
	}
}

// answerDocument answers with what the job writes, in the shape of the version.
func (x *exchange) answerDocument(job *engine.Job, rep reply) error {
	if need := needed(rep.shapes, x.v); len(need) > 0 {
		return x.shaped(job, rep, need)
	}
	return x.direct(job, rep)
}

// prepare makes the row's job from the request.
func (row *route) prepare(x *exchange) (*engine.Job, error) {
	args, err := x.args(row.args)
	if err != nil {
		return nil, err
	}
	job := x.job(x.r.Context(), row.job, args...)
	return job, x.setenv(job, row.env)
}

// direct connects the job with the client.
func (x *exchange) direct(job *engine.Job, rep reply) error {
	out := &sink{w: x.w, code: rep.code, media: rep.media}
	if rep.kind == replyDocument {
		out.patience = x.s.patience
		return x.whole(job, out)
	}
	job.Stdout.Add(out)
	if err := x.run(job); err != nil {
		return err
	}
	out.begin()
	out.unhurry()
	return nil
}

// whole connects the job with the client, by way of a buffer: the length of a
// document that fits is known when it goes out, which saves both ends some work.
func (x *exchange) whole(job *engine.Job, out *sink) error {
	d := &shortly{out: out, buf: buffers.Get().(*bytes.Buffer)}
	defer d.release()
	job.Stdout.Add(d)
	if err := x.run(job); err != nil {
		return err
	}
	if !d.over {
		x.w.Header().Set("Content-Length", strconv.Itoa(d.buf.Len()))
		x.holdAnswer()
		_, _ = out.Write(d.buf.Bytes()) // what goes wrong is that the client has left
	}
	out.begin()
	out.unhurry()
	return nil
}

// shortly keeps a document as long as it is short.
type shortly struct {
	out  *sink
	buf  *bytes.Buffer
	over bool // it was too long: what was kept is out
}

// Write keeps p, or sends it.
func (s *shortly) Write(p []byte) (int, error) {
	switch {
	case s.over:
	case s.buf.Len()+len(p) < large:
		return s.buf.Write(p)
	default:
		s.over = true
		if s.buf.Len() > 0 {
			if _, err := s.out.Write(s.buf.Bytes()); err != nil {
				return 0, err
			}
		}
	}
	return s.out.Write(p)
}

func (s *shortly) release() {
	s.buf.Reset()
	buffers.Put(s.buf)
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// shaped edits the job's document before it goes out.
func (x *exchange) shaped(job *engine.Job, rep reply, need []shape) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() < 1<<20 { // a giant answer is not kept for the next small one
			buf.Reset()
			buffers.Put(buf)
		}
	}()
	job.Stdout.Add(plainWriter{buf})
	if err := x.run(job); err != nil {
		return err
	}
	body, err := edited(buf.Bytes(), need)
	if err != nil {
		return errdefs.Internal("shaping what job %s wrote: %w", job.Name, err)
	}
	// What goes wrong from here on is that the client has left.
	out := &sink{w: x.w, code: rep.code, media: rep.media, patience: x.s.patience}
	_, err = out.Write(append(body, '\n'))
	_ = err
	out.unhurry()
	return nil
}

// edited applies shapes to the text of a document.
func edited(text []byte, need []shape) ([]byte, error) {
	if trims(need) {
		return trimmed(text, need)
	}
	doc, err := decodeAny(text)
	if err != nil {
		return nil, err
	}
	for _, s := range need {
		doc = s.edit(doc)
	}
	return json.Marshal(doc)
}

func decodeAny(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var doc any
	err := dec.Decode(&doc)
	return doc, err
}

// plainWriter hides everything but Write of a job's destination: the job has
// no business closing it.
type plainWriter struct {
	w interface{ Write(p []byte) (int, error) }
}

// Write passes p on.
func (p plainWriter) Write(b []byte) (int, error) { return p.w.Write(b) }
