package intercom

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// newTransportError says what went wrong between here and the server. Nothing
// in secrets appears in its text.
func newTransportError(ctx context.Context, op *Operation, sent bool, err error, secrets ...string) *TransportError {
	text := err.Error()
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		secrets = append(secrets, wrapped.URL)
	}
	for {
		wrapped, ok := err.(*url.Error) //nolint:errorlint // only the outermost ones add nothing but the URL.
		if !ok {
			break
		}
		err = wrapped.Err
		text = err.Error()
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, masked)
		}
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
		text = err.Error()
	case errors.Is(err, ErrTimeout):
	case ok && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		// Not wrapped: net's timeouts say they are context.DeadlineExceeded, which
		// here means the caller's own.
		err = ErrTimeout
		if !strings.Contains(text, "deadline exceeded") {
			text = fmt.Sprintf("%v: %s", ErrTimeout, text)
		} else {
			text = ErrTimeout.Error()
		}
	}
	return &TransportError{Method: op.Method, Path: op.Path, Sent: sent, Err: err, text: text}
}

// neverSent recognises the errors before a connection exists.
func neverSent(err error) bool {
	if lost, ok := errors.AsType[*TransportError](err); ok && !lost.Sent {
		return true
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return dns || untrusted(err)
}

// untrusted reports whether TLS failed in a way that trying again cannot mend.
// A name that does not resolve is different: resolvers have bad moments.
func untrusted(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return true
	}
	_, plain := errors.AsType[tls.RecordHeaderError](err) // no TLS at all
	return plain
}

// callerStopped reports whether a context of the caller has ended.
func callerStopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isTimeout reports whether the server was too slow, which the end of the
// caller's context does not show.
func isTimeout(err error) bool { return errors.Is(err, ErrTimeout) }
