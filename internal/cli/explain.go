package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/filelock"
	"intercom-connector/internal/local/fileout"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

// explainFor says what is wrong with the requests of a client, and what to do
// about it.
func (a *app) explainFor(cfg *config.Config, client string, err error) string {
	var (
		api    *intercom.APIError
		region *intercom.RegionError
		paused *publish.PausedError
	)
	switch {
	case errors.Is(err, intercom.ErrUnauthorized):
		variable, set := a.tokenVariable(cfg, client)
		if command := a.grantAdvice(cfg, client); command != "" && !set {
			return fmt.Sprintf("Intercom does not accept the token of client %s any more (%s): `%s` has access granted anew",
				client, codeOf(err), command)
		}
		return fmt.Sprintf("Intercom does not accept the token of client %s (%s): set the environment variable %s to a valid one",
			client, codeOf(err), variable)
	case errors.As(err, &paused):
		return err.Error() + ": mend that, then `" + commandText(a.commandArgs("resume", publisherOf(cfg, paused.Client))) + "`, then run it again"
	case errors.As(err, &region):
		return fmt.Sprintf("the workspace of client %s lives in region %s, not %s: set region: %s in %s",
			client, region.Actual, region.Configured, region.Actual, a.global.Config)
	case errors.Is(err, intercom.ErrAllowlist):
		return err.Error() + ": put this machine's public IPv4 address on the workspace's IP allowlist for the REST API"
	case errors.Is(err, intercom.ErrPlan):
		return err.Error() + ": the workspace's plan does not include it"
	case errors.Is(err, intercom.ErrForbidden) && errors.As(err, &api):
		if api.Permission == "" {
			return err.Error() + ": give the app the permission in Intercom's Developer Hub (Configure > Authentication)"
		}
		return fmt.Sprintf("client %s may not %s %s: give the app the permission %q in Intercom's Developer Hub (Configure > Authentication)",
			client, api.Method, api.Path, api.Permission)
	default:
		return a.explain(err)
	}
}

// explain says what to do about an error, where that is known.
func (a *app) explain(err error) string {
	if advice := explainAWS(err); advice != "" {
		return advice
	}
	text := err.Error()
	switch {
	case errors.Is(err, syscall.ENOSPC) || strings.Contains(text, "the disk is full"):
		return text + ": make room and run it again, nothing is lost"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return text + ": choose another folder with --state or another file with --to"
	case errors.Is(err, filelock.ErrHeld):
		return text + ": wait for it, or choose another file with --to"
	case errors.Is(err, fileout.ErrForeign):
		return text + ": choose another file with --to"
	case errors.Is(err, fs.ErrNotExist):
		return text + ": make the folder first"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	if _, ok := errors.AsType[*subscribe.TooManyError](err); ok {
		return text + ": mend record_transform or the request, they are kept in " + filepath.Join(a.stateFolder(), "quarantine")
	}
	if advice := networkAdvice(err); advice != "" {
		return text + ": " + advice
	}
	return text
}

// networkAdvice is what to do about a request that got no answer.
func networkAdvice(err error) string {
	var (
		dns   *net.DNSError
		dial  *net.OpError
		plain tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns):
		return "is there a network, and is base_uri spelt right? The next run goes on"
	case isUntrusted(err):
		return "the certificate is not trusted here; a proxy that opens TLS needs its own certificate installed"
	case errors.As(err, &plain):
		return "that is no https; is base_uri right?"
	case errors.As(err, &dial), errors.Is(err, intercom.ErrTimeout):
		return "is there a network? The next run goes on"
	}
	if _, ok := errors.AsType[*intercom.TransportError](err); ok {
		return "the next run goes on"
	}
	return ""
}

func isUntrusted(err error) bool {
	var (
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}

// A busyError is something that another process is at.
type busyError struct{ what, pid string }

func newBusyError(what string, held error) *busyError {
	_, pid, _ := strings.Cut(held.Error(), " by process ")
	return &busyError{what: what, pid: pid}
}

func (e *busyError) Error() string {
	text := e.what + " is under way"
	if e.pid != "" {
		text += " (pid " + e.pid + ")"
	}
	return text + ": nothing was done"
}

// codeOf is Intercom's status and code.
func codeOf(err error) string {
	var api *intercom.APIError
	if !errors.As(err, &api) {
		return "401"
	}
	if api.Code == "" {
		return fmt.Sprint(api.Status)
	}
	return fmt.Sprintf("%d %s", api.Status, api.Code)
}
