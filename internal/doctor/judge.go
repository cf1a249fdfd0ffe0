package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
)

// A finding is how something is, and what to do about it.
type finding struct {
	result  Result
	problem Problem
	detail  string
	remedy  string
}

func fine(format string, args ...any) finding {
	return finding{result: OK, detail: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) finding {
	return finding{result: Skipped, detail: fmt.Sprintf(format, args...)}
}

// check is the finding as a check.
func (f finding) check(kind Kind, client, name string) Check {
	return Check{Kind: kind, Client: client, Name: name, Result: f.result, Problem: f.problem, Detail: f.detail, Remedy: f.remedy}
}

// The pages of Intercom's that remedies name.
const (
	developerHub = "Intercom's Developer Hub (Configure > Authentication)"
	statusPage   = "https://www.intercomstatus.com"
)

// judge says what the error of a request means.
func (p *patient) judge(err error) finding {
	api, _ := errors.AsType[*intercom.APIError](err)
	switch {
	case errors.Is(err, intercom.ErrUnauthorized):
		return p.unauthorized(api)
	case errors.Is(err, intercom.ErrLocked):
		return p.locked(api)
	case errors.Is(err, intercom.ErrAllowlist):
		return finding{
			Fail, OffAllowlist, "the workspace takes requests only from the addresses of its IP allowlist, and this one is not among them (403)",
			"put the public IPv4 address that requests leave from on the workspace's allowlist (Intercom's settings, REST API IP allowlist; IPv6 is not supported there)",
		}
	case errors.Is(err, intercom.ErrFirewall):
		return finding{
			Fail, Firewall, "a firewall or a proxy on the way refuses the request with a page of HTML (403); it does not come from Intercom's API",
			"let requests to " + p.host() + " through, or send them from an address that is not blocked",
		}
	case errors.Is(err, intercom.ErrPlan):
		return finding{
			result: Fail, problem: PlanRestricted, detail: fmt.Sprintf("the workspace's plan does not include %s %s (403 api_plan_restricted)", api.Method, api.Path),
			remedy: "have the workspace's plan changed, or set enabled: false for what needs it",
		}
	case errors.Is(err, intercom.ErrForbidden):
		return p.forbidden(api)
	case errors.Is(err, intercom.ErrRateLimited):
		return p.limitedBy(err)
	case api != nil:
		return p.refused(api)
	default:
		return p.unanswered(err)
	}
}

// refusals are the codes of a 401
// (https://developers.intercom.com/docs/references/rest-api/errors/error-codes).
var refusals = map[string]struct {
	problem Problem
	meaning string
}{
	"token_revoked":         {TokenRevoked, "the token was revoked: the app was uninstalled from the workspace, or its token made anew"},
	"token_blocked":         {TokenBlocked, "Intercom has blocked the token"},
	"token_expired":         {TokenExpired, "the token has expired"},
	"token_not_found":       {TokenUnknown, "Intercom knows no such token: it is mistyped, cut off, deleted or of another region"},
	"token_unauthorized":    {TokenRefused, "the token is not authorized"},
	"unauthorized":          {TokenRefused, "Intercom does not accept the token"},
	"missing_authorization": {TokenLost, "the request arrived without a token: something on the way has taken it out"},
}

func (p *patient) unauthorized(api *intercom.APIError) finding {
	refusal, known := refusals[api.Code]
	if !known {
		refusal.problem, refusal.meaning = TokenRefused, "Intercom does not accept the token"
	}
	f := finding{Fail, refusal.problem, fmt.Sprintf("%s (%s)", refusal.meaning, statusOf(api)), p.token.Supply}
	if refusal.problem == TokenLost {
		f.remedy = "have the proxy between here and " + p.host() + " pass the header Authorization on"
	}
	return f
}

func (p *patient) locked(api *intercom.APIError) finding {
	if api.Status == http.StatusPaymentRequired {
		return finding{Fail, WorkspaceUnpaid, fmt.Sprintf("the workspace has not been paid for (%s)", statusOf(api)), "settle the bill in Intercom's settings"}
	}
	return finding{Fail, WorkspaceLocked, fmt.Sprintf("the workspace is locked (%s)", statusOf(api)), "ask Intercom's support why the workspace is locked"}
}

func (p *patient) forbidden(api *intercom.APIError) finding {
	f := finding{result: Fail, problem: PermissionMissing}
	if api.Permission == "" {
		f.detail = fmt.Sprintf("the token is genuine, but the app may not %s %s (%s); which permission that needs is not published", api.Method, api.Path, statusOf(api))
		f.remedy = p.permit("the permission for " + api.Path)
		return f
	}
	f.detail = fmt.Sprintf("the token is genuine, but the app lacks the permission %q: it may not %s %s (%s)", api.Permission, api.Method, api.Path, statusOf(api))
	f.remedy = p.permit(fmt.Sprintf("the permission %q", api.Permission))
	return f
}

// permit is how an app gets a permission.
func (p *patient) permit(what string) string {
	remedy := "give the app of client " + p.client.Name + " " + what + " in " + developerHub
	if p.client.Auth.Type == config.OAuth {
		return remedy + ", then have the workspace grant access again"
	}
	return remedy + "; if that makes the token anew, " + p.token.Supply
}

// limitedBy is a warning: whoever else uses up the limit may be in the right.
func (p *patient) limitedBy(err error) finding {
	f := finding{
		Warn, RateLimited, "the rate limit of the app is used up (429)",
		"ask again later; find out who else uses the app of client " + p.client.Name + ", or ask Intercom for a higher limit",
	}
	if limited, ok := errors.AsType[*intercom.RateLimitError](err); ok && limited.RetryAfter > 0 {
		f.detail += fmt.Sprintf(", and opens again in %d s", int(limited.RetryAfter.Seconds())+1)
	}
	return f
}

// versionRefused is the code for a version that the API does not have.
const versionRefused = "intercom_version_invalid"

// refused is any other answer outside 2xx.
func (p *patient) refused(api *intercom.APIError) finding {
	switch {
	case api.Code == versionRefused:
		return finding{
			Fail, VersionRefused, fmt.Sprintf("Intercom does not have version %s of its API, or not this request in it (%s)", p.client.Version, statusOf(api)),
			fmt.Sprintf("set version: %q for client %s in %s", intercom.DefaultVersion, p.client.Name, p.cfg.File),
		}
	case api.Status == http.StatusNotFound && api.Code == "" && api.RequestID == "":
		return finding{
			Fail, NotIntercom, fmt.Sprintf("%s has no %s, and does not answer as Intercom's API does (404)", p.host(), api.Path),
			"look at " + p.baseSetting(),
		}
	case api.Status == http.StatusNotFound:
		return finding{result: Fail, problem: NotFound, detail: fmt.Sprintf("Intercom has nothing at %s %s (%s)", api.Method, api.Path, statusOf(api))}
	case api.Status >= http.StatusInternalServerError || api.Status == http.StatusRequestTimeout:
		return finding{
			Fail, ServerError, fmt.Sprintf("Intercom fails to answer %s %s (%s)", api.Method, api.Path, statusOf(api)),
			"try again later; " + statusPage + " says what Intercom knows of it",
		}
	default:
		detail := fmt.Sprintf("Intercom refuses %s %s (%s)", api.Method, api.Path, statusOf(api))
		if api.Message != "" {
			detail += ": " + api.Message
		}
		return finding{result: Fail, problem: RequestRefused, detail: detail}
	}
}

// statusOf is Intercom's status and code, and the name of the request for a
// support ticket.
func statusOf(api *intercom.APIError) string {
	text := fmt.Sprint(api.Status)
	if api.Code != "" {
		text += " " + api.Code
	}
	if api.RequestID != "" {
		text += ", request " + api.RequestID
	}
	return text
}

// unanswered is a request to which nobody, or somebody else, has answered.
func (p *patient) unanswered(err error) finding {
	var (
		dns      *net.DNSError
		plain    tls.RecordHeaderError
		redirect *intercom.RedirectError
		answer   *intercom.AnswerError
		large    *intercom.BodyTooLargeError
		lost     *intercom.TransportError
	)
	switch {
	case errors.Is(err, intercom.ErrNoToken), errors.Is(err, context.Canceled):
		return p.unsent(err)
	case errors.Is(err, context.DeadlineExceeded):
		return finding{Skipped, OutOfTime, "there was no time left to find out", "examine one client at a time"}
	case errors.As(err, &dns):
		return finding{Fail, Unresolved, fmt.Sprintf("the name %s cannot be resolved", p.host()), "look whether there is a network here, and at " + p.baseSetting()}
	case errors.As(err, &plain):
		return finding{Fail, Untrusted, p.host() + " does not speak TLS", "look at " + p.baseSetting()}
	case untrusted(err):
		return finding{
			Fail, Untrusted, "the certificate of " + p.host() + " is not trusted here: " + cause(err),
			"install the certificate of the proxy that opens TLS, if there is one (SSL_CERT_FILE names a file of them), and look at this machine's clock",
		}
	case errors.Is(err, syscall.ECONNREFUSED):
		return finding{Fail, Refused, p.host() + " refuses connections", "look at " + p.baseSetting() + ", and whether a firewall lets connections to it out"}
	case errors.Is(err, intercom.ErrTimeout):
		return finding{
			Fail, TimedOut, fmt.Sprintf("%s has not answered within %d s", p.host(), int(ProbeTimeout/time.Second)),
			"look whether a firewall swallows connections to " + p.host() + "; " + statusPage + " says whether Intercom is slow",
		}
	case errors.As(err, &redirect):
		return finding{Fail, NotIntercom, p.host() + " sends requests elsewhere: " + cause(err), "look at " + p.baseSetting()}
	case errors.As(err, &answer):
		return finding{
			Fail, NotIntercom, "something else than Intercom's API has answered: " + cause(err),
			"look at " + p.baseSetting() + ", and whether a proxy or a sign-in page of the network is in the way",
		}
	case errors.As(err, &large):
		return finding{result: Warn, problem: RequestRefused, detail: "permitted, but " + cause(err)}
	case errors.As(err, &lost):
		return finding{Fail, Unreachable, "no connection to " + p.host() + " holds: " + cause(err), "look whether there is a network here, and at " + p.baseSetting()}
	default:
		return p.unsent(err)
	}
}

// unsent is a request that went nowhere: mostly the token's fault.
func (p *patient) unsent(err error) finding {
	switch {
	case errors.Is(err, context.Canceled):
		return finding{result: Skipped, problem: OutOfTime, detail: "stopped"}
	case errors.Is(err, intercom.ErrNoToken):
		return p.noToken()
	default:
		return finding{Fail, TokenMalformed, "no request can be sent: " + strings.TrimPrefix(cause(err), "client "+p.client.Name+": "), "give the token alone, without Bearer, quotes or line breaks: " + p.token.Supply}
	}
}

func (p *patient) noToken() finding {
	return finding{Fail, TokenMissing, "there is no token in " + p.token.Place, p.token.Supply}
}

// baseSetting is what says where Intercom is.
func (p *patient) baseSetting() string {
	if p.client.Region == "" {
		return "base_uri of client " + p.client.Name + " in " + p.cfg.File
	}
	return "the proxy of the network"
}

// cause is an error without the names of ours that it begins with.
func cause(err error) string {
	return strings.TrimPrefix(err.Error(), "intercom: ")
}

func untrusted(err error) bool {
	var (
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}
