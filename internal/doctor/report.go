package doctor

// A Result is how a check ended.
type Result string

// The results.
const (
	OK      Result = "ok"
	Warn    Result = "warn" // works, and somebody should know
	Fail    Result = "fail"
	Skipped Result = "skipped" // could not be found out
)

// A Kind is what a check is about.
type Kind string

// The kinds of checks, in the order of a report.
const (
	OfClient       Kind = "client"
	OfSubscription Kind = "subscription"
	OfPublisher    Kind = "publisher"
	OfMachine      Kind = "machine"
	OfStack        Kind = "stack"
)

// A Problem is what is wrong, as a word for programs.
type Problem string

// What can be wrong.
const (
	TokenMissing      Problem = "token_missing"
	TokenUnreadable   Problem = "token_unreadable" // where it should be cannot be looked at
	TokenMalformed    Problem = "token_malformed"
	TokenRevoked      Problem = "token_revoked"
	TokenExpired      Problem = "token_expired"
	TokenBlocked      Problem = "token_blocked"
	TokenUnknown      Problem = "token_unknown" // Intercom has never heard of it, or no longer
	TokenRefused      Problem = "token_refused" // for a reason that is not told
	TokenLost         Problem = "token_lost"    // arrived without one
	WorkspaceUnpaid   Problem = "workspace_unpaid"
	WorkspaceLocked   Problem = "workspace_locked"
	WrongWorkspace    Problem = "wrong_workspace"
	WrongRegion       Problem = "wrong_region"
	VersionRefused    Problem = "version_refused"
	PermissionMissing Problem = "permission_missing"
	PlanRestricted    Problem = "plan_restricted"
	OffAllowlist      Problem = "ip_allowlist"
	Firewall          Problem = "firewall"
	NotFound          Problem = "not_found"
	RequestRefused    Problem = "request_refused"
	RateLimited       Problem = "rate_limited"
	ServerError       Problem = "server_error"
	NotIntercom       Problem = "not_intercom" // something else has answered
	Unresolved        Problem = "dns"
	Untrusted         Problem = "tls"
	Refused           Problem = "connection_refused"
	TimedOut          Problem = "timeout"
	Unreachable       Problem = "network"
	ClockOff          Problem = "clock"
	Unwritable        Problem = "unwritable"
	DiskFull          Problem = "disk_full"
	StateBroken       Problem = "state_broken"
	DeadLetters       Problem = "dead_letters"
	Paused            Problem = "paused"
	StackMissing      Problem = "stack_missing"
	StackUnhealthy    Problem = "stack_unhealthy"
	FunctionMissing   Problem = "function_missing"
	FunctionUnhealthy Problem = "function_unhealthy"
	QueueMissing      Problem = "queue_missing"
	Undelivered       Problem = "undelivered"
	RunFailed         Problem = "run_failed"
	RunOverdue        Problem = "run_overdue"
	AWSRefused        Problem = "aws" // AWS has not answered what it was asked
	OutOfTime         Problem = "out_of_time"
)

// A Check is one thing that was looked at.
type Check struct {
	Kind    Kind    `json:"kind"`
	Client  string  `json:"client,omitempty"`
	Name    string  `json:"name"` // of the subscription or publisher, otherwise what was looked at: token
	Result  Result  `json:"result"`
	Problem Problem `json:"problem,omitempty"` // of what is not ok
	Detail  string  `json:"detail"`            // one sentence
	Remedy  string  `json:"remedy,omitempty"`  // what to do, "" where nothing need be
}

// Title is the check as people read it.
func (c *Check) Title() string {
	switch c.Kind {
	case OfClient:
		return "client " + c.Client + ": " + c.Name
	case OfSubscription, OfPublisher:
		return string(c.Kind) + " " + c.Name
	default:
		return string(c.Kind) + ": " + c.Name
	}
}

// A Report is all that was looked at, in order.
type Report struct {
	OK     bool           `json:"ok"` // nothing has failed
	Counts map[Result]int `json:"counts"`
	Checks []Check        `json:"checks"`
}

// newReport counts checks.
func newReport(checks []Check) Report {
	r := Report{Counts: map[Result]int{OK: 0, Warn: 0, Fail: 0, Skipped: 0}, Checks: checks}
	for i := range checks {
		r.Counts[checks[i].Result]++
	}
	r.OK = r.Counts[Fail] == 0
	return r
}

// A Remedy is what to do about one or several checks.
type Remedy struct {
	Text   string
	Checks []string // their titles
	Fail   bool     // one of them has failed
}

// Remedies lists what to do, each thing once: first what mends a failure.
func (r *Report) Remedies() []Remedy {
	var all []Remedy
	at := map[string]int{}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Remedy == "" {
			continue
		}
		n, known := at[c.Remedy]
		if !known {
			n = len(all)
			at[c.Remedy] = n
			all = append(all, Remedy{Text: c.Remedy})
		}
		all[n].Checks = append(all[n].Checks, c.Title())
		all[n].Fail = all[n].Fail || c.Result == Fail
	}
	var failed, rest []Remedy
	for _, remedy := range all {
		if remedy.Fail {
			failed = append(failed, remedy)
		} else {
			rest = append(rest, remedy)
		}
	}
	return append(failed, rest...)
}
