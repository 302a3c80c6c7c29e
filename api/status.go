package api

import (
	"net/http"

	"github.com/enginejobs/docker/errdefs"
)

// StatusClientClosed answers a request whose caller has left. Nobody reads it;
// it is for the log.
const StatusClientClosed = 499

// kindStatus is the one table between kinds of failure and HTTP statuses. The
// server reads it from left to right, the client from right to left; where a
// status stands for two kinds, the first row is the client's.
var kindStatus = [...]struct {
	kind   errdefs.Kind
	status int
}{
	{errdefs.KindInternal, http.StatusInternalServerError},
	{errdefs.KindInvalidArgument, http.StatusBadRequest},
	{errdefs.KindNotFound, http.StatusNotFound},
	{errdefs.KindConflict, http.StatusConflict},
	{errdefs.KindNotModified, http.StatusNotModified},
	{errdefs.KindUnauthorized, http.StatusUnauthorized},
	{errdefs.KindForbidden, http.StatusForbidden},
	{errdefs.KindUnavailable, http.StatusServiceUnavailable},
	{errdefs.KindNotImplemented, http.StatusNotImplemented},
	{errdefs.KindCanceled, StatusClientClosed},
	{errdefs.KindDeadline, http.StatusGatewayTimeout},
	{errdefs.KindUnknownJob, http.StatusNotImplemented},
}

// StatusOf gives the HTTP status of a kind of failure.
func StatusOf(kind errdefs.Kind) int {
	for _, row := range kindStatus {
		if row.kind == kind {
			return row.status
		}
	}
	return http.StatusInternalServerError
}

// KindOfStatus is the inverse of StatusOf, for clients. Statuses that no kind
// has become InvalidArgument when they are 4xx (406 of the oldest servers is a
// Conflict), else Internal.
func KindOfStatus(status int) errdefs.Kind {
	for _, row := range kindStatus {
		if row.status == status {
			return row.kind
		}
	}
	switch {
	case status == http.StatusNotAcceptable:
		return errdefs.KindConflict
	case status >= 400 && status < 500:
		return errdefs.KindInvalidArgument
	}
	return errdefs.KindInternal
}

// ErrorBody is the answer to a failed request since API 1.24; before that it
// was the message as plain text. Code is the exit status that the failure stands
// for, when it stands for one: 126 and 127 of a start.
type ErrorBody struct {
	Message string `json:"message"`
	Code    int    `json:"code,omitempty"`
}
