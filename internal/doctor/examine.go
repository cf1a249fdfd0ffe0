package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
)

// What a client is looked at for.
const (
	lookToken     = "token"
	lookAccess    = "access"
	lookRegion    = "region"
	lookWorkspace = "workspace"
	lookVersion   = "API version"
	lookMe        = "/me"
	lookRate      = "rate limit"
	lookClock     = "clock"
	lookRest      = "subscriptions and publishers"
)

// tolerance is what the two clocks may be apart.
const tolerance = 30 * time.Second

// examine looks at a client, and at what uses it.
func (p *patient) examine(ctx context.Context) []Check {
	p.token = p.cfg.Token(ctx, p.client)
	token := p.holdsToken(ctx)
	checks := []Check{p.check(lookToken, token)}
	if token.result != OK {
		return append(checks, p.check(lookRest, skipped("not asked without a token")))
	}
	api, err := p.cfg.Connect(p.client, p.client.BaseURL, p.token.Source)
	if err != nil {
		return append(checks, p.check(lookAccess, p.unsent(err)))
	}
	defer api.Close()
	p.api = api
	who, goOn := p.identify(ctx)
	checks = append(checks, who...)
	var uses []Check
	if goOn {
		uses = p.uses(ctx)
	} else {
		uses = []Check{p.check(lookRest, skipped("not asked: they would fare the same"))}
	}
	if rate, known := p.rate(); known {
		checks = append(checks, rate)
	}
	if off, known := p.clockOff(); known {
		checks = append(checks, off)
	}
	return append(checks, uses...)
}

// holdsToken looks whether there is a token.
func (p *patient) holdsToken(ctx context.Context) finding {
	err := p.token.Err
	if err == nil && p.token.Source == nil {
		return p.noToken()
	}
	if err == nil {
		_, err = p.token.Source.Token(ctx)
	}
	switch {
	case err == nil:
		return fine("there is one in %s", p.token.Place)
	case errors.Is(err, intercom.ErrNoToken):
		return p.noToken()
	case ctx.Err() != nil:
		return skipped("there was no time left to find out")
	default:
		f := p.cfg.explain(err)
		return finding{Fail, TokenUnreadable, p.token.Place + " cannot be read: " + f.detail, cmp.Or(f.remedy, p.token.Supply)}
	}
}

// identify asks whose token it is. It reports false where everything else
// would be refused like this.
func (p *patient) identify(ctx context.Context) (checks []Check, goOn bool) {
	began := time.Now()
	me, err := p.me(ctx)
	switch {
	case err == nil:
		return append([]Check{
			p.check(lookAccess, fine("%s answers in %.1f s and accepts the token", p.host(), time.Since(began).Seconds())),
		}, p.whose(me)...), true
	case errors.Is(err, intercom.ErrForbidden):
		return p.mayNotAsk(err), true
	}
	f := p.judge(err)
	if elsewhere, found := p.elsewhere(ctx, f); found {
		return []Check{p.check(lookRegion, elsewhere)}, false
	}
	if f.problem == VersionRefused {
		return []Check{p.check(lookVersion, f)}, false
	}
	return []Check{p.check(lookAccess, f)}, f.problem == ServerError
}

// me asks whose token it is.
func (p *patient) me(ctx context.Context) (intercom.Me, error) {
	op, err := intercom.Find(http.MethodGet, "me", 0)
	if err != nil {
		return intercom.Me{}, err
	}
	resp, err := p.ask(ctx, &intercom.Request{Operation: op})
	if err != nil {
		return intercom.Me{}, err
	}
	return intercom.ReadMe(resp)
}

// whose compares what the token's owner says with the configuration.
func (p *patient) whose(me intercom.Me) []Check {
	return []Check{
		p.check(lookRegion, p.regionOf(me)),
		p.check(lookWorkspace, p.workspaceOf(me)),
		p.check(lookVersion, fine("%s is accepted", p.client.Version)),
		p.check(lookMe, p.tells(me)),
	}
}

func (p *patient) regionOf(me intercom.Me) finding {
	wrong, differs := errors.AsType[*intercom.RegionError](intercom.CheckRegion(p.client.Region, me))
	switch {
	case differs:
		return p.wrongRegion(wrong.Actual)
	case me.Region == "":
		return skipped("Intercom does not tell the region of the workspace")
	case p.client.Region == "":
		return fine("the workspace lives in %s; base_uri says where to ask", me.Region)
	default:
		return fine("the workspace lives in %s, as configured", me.Region)
	}
}

func (p *patient) wrongRegion(actual string) finding {
	return finding{
		Fail, WrongRegion, fmt.Sprintf("the token belongs to a workspace in %s, the client is configured for %s", actual, p.client.Region),
		fmt.Sprintf("set region: %s for client %s in %s", actual, p.client.Name, p.cfg.File),
	}
}

func (p *patient) workspaceOf(me intercom.Me) finding {
	want := p.client.Workspace
	switch {
	case me.Workspace == "":
		return skipped("Intercom does not tell the id of the workspace")
	case want != "" && want != me.Workspace:
		return finding{
			Fail, WrongWorkspace, fmt.Sprintf("the token belongs to workspace %s, the configuration says %s", called(me), want),
			fmt.Sprintf("use a token of workspace %s, or set workspace: %s for client %s in %s", want, me.Workspace, p.client.Name, p.cfg.File),
		}
	case p.pinned != "" && p.pinned != me.Workspace:
		return finding{
			Fail, WrongWorkspace, fmt.Sprintf("the token belongs to workspace %s, so far it was %s", called(me), p.pinned),
			fmt.Sprintf("use a token of workspace %s, or run once with --replace-workspace", p.pinned),
		}
	case want == "":
		return fine("%s; the configuration takes any", called(me))
	default:
		return fine("%s, as configured", called(me))
	}
}

// called is the id of a workspace and its name, unless that looks like somebody's
// address.
func called(me intercom.Me) string {
	if me.WorkspaceName == "" || strings.Contains(me.WorkspaceName, "@") {
		return me.Workspace
	}
	return fmt.Sprintf("%s (%s)", me.Workspace, me.WorkspaceName)
}

// tells judges what /me says about time.
func (p *patient) tells(me intercom.Me) finding {
	switch {
	case me.Timezone != "":
		return fine("permitted; the workspace's time zone is %s", me.Timezone)
	case p.client.Timezone != "":
		return fine("permitted; it tells no time zone, timezone: %s of the configuration stands in", p.client.Timezone)
	default:
		return finding{
			result: Warn, detail: "permitted, but it tells no time zone: incremental reads ask for a day more on either side",
			remedy: fmt.Sprintf("set timezone for client %s in %s", p.client.Name, p.cfg.File),
		}
	}
}

// mayNotAsk is a token that Intercom takes, and lets ask other things than /me.
func (p *patient) mayNotAsk(err error) []Check {
	var in, lacks []string
	for _, setting := range []struct{ name, value string }{{"workspace", p.client.Workspace}, {"timezone", p.client.Timezone}} {
		if setting.value == "" {
			lacks = append(lacks, setting.name)
		} else {
			in = append(in, setting.name+": "+setting.value)
		}
	}
	f := p.judge(err)
	f.result = OK
	if len(in) > 0 {
		f.detail += "; " + strings.Join(in, " and ") + " of the configuration stand in"
	}
	if len(lacks) > 0 {
		f.result = Warn
		f.detail += "; nothing stands in for " + strings.Join(lacks, " and ")
		f.remedy = fmt.Sprintf("set %s for client %s in %s, or %s", strings.Join(lacks, " and "), p.client.Name, p.cfg.File, f.remedy)
	} else {
		f.problem, f.remedy = "", ""
	}
	unknown := "cannot be known without /me"
	return []Check{
		p.check(lookAccess, fine("%s accepts the token", p.host())),
		p.check(lookRegion, skipped("%s", unknown)),
		p.check(lookWorkspace, skipped("%s", unknown)),
		p.check(lookVersion, fine("%s is accepted", p.client.Version)),
		p.check(lookMe, f),
	}
}

// elsewhere looks whether another of Intercom's regions knows a token that the
// configured one does not.
func (p *patient) elsewhere(ctx context.Context, f finding) (finding, bool) {
	if p.client.Region == "" || f.problem != TokenUnknown && f.problem != TokenRefused {
		return finding{}, false
	}
	for _, region := range intercom.Regions() {
		base, _ := intercom.BaseURL(region)
		if region == p.client.Region || base == p.client.BaseURL {
			continue
		}
		api, err := p.cfg.Connect(p.client, base, p.token.Source)
		if err != nil {
			continue
		}
		there := patient{cfg: p.cfg, client: p.client, token: p.token, api: api}
		me, err := there.me(ctx)
		api.Close()
		switch {
		case err == nil:
			// The US host leads to other regions by itself.
			return p.wrongRegion(cmp.Or(me.Region, region)), true
		case errors.Is(err, intercom.ErrForbidden), errors.Is(err, intercom.ErrAllowlist), errors.Is(err, intercom.ErrLocked):
			return p.wrongRegion(region), true
		}
	}
	return finding{}, false
}

// windows is how many windows of the rate limit a minute has
// (https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting).
const windows = 6

// scarce is the share of the rate limit that should be left to somebody who
// only has come to look.
const scarce = 0.1

// rate is what is known of the app's rate limit.
func (p *patient) rate() (Check, bool) {
	limits := p.api.Governor().Limits()
	if limited := p.away(); limited != nil && !limits.Known {
		return p.check(lookRate, p.limitedBy(limited)), true
	}
	if !limits.Known {
		return Check{}, false
	}
	// What is told is a minute's limit over windows, rounded down.
	minute := (windows*limits.Limit + 5) / 10 * 10
	f := fine("%d requests in 10 s, about %d a minute; %d left of these 10 s", limits.Limit, minute, limits.Remaining)
	if float64(limits.Remaining) < scarce*float64(limits.Limit) {
		f.result, f.problem = Warn, RateLimited
		f.remedy = "find out who else uses the app of client " + p.client.Name + ", or ask Intercom for a higher limit"
	}
	return p.check(lookRate, f), true
}

// clockOff compares the server's clock with this machine's.
func (p *patient) clockOff() (Check, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.clock.known {
		return Check{}, false
	}
	off := p.clock.off()
	switch {
	case off > tolerance:
		return p.check(lookClock, clockFinding(off, "behind")), true
	case off < -tolerance:
		return p.check(lookClock, clockFinding(-off, "ahead of")), true
	default:
		return p.check(lookClock, fine("this machine's agrees with Intercom's")), true
	}
}

func clockFinding(off time.Duration, way string) finding {
	return finding{
		result: Warn, problem: ClockOff,
		detail: fmt.Sprintf("this machine's is %d s %s Intercom's", int(off.Seconds()), way),
		remedy: "set this machine's clock, or let it keep time by NTP",
	}
}

// uses probes what the client is used for.
func (p *patient) uses(ctx context.Context) []Check {
	var subs []*config.Subscription
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Settings.Subscriptions)) {
		if sub := p.cfg.Settings.Subscriptions[name]; sub.Client == p.client.Name {
			subs = append(subs, sub)
		}
	}
	var pubs []*config.Publisher
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Settings.Publishers)) {
		if pub := p.cfg.Settings.Publishers[name]; pub.Client == p.client.Name {
			pubs = append(pubs, pub)
		}
	}
	checks := make([]Check, len(subs)+len(pubs))
	each(len(checks), atOnce, func(i int) {
		if i < len(subs) {
			f := enabled(p.subscription(ctx, subs[i]), subs[i].Enabled)
			checks[i] = f.check(OfSubscription, p.client.Name, subs[i].Name)
			return
		}
		pub := pubs[i-len(subs)]
		f := enabled(p.publisher(ctx, pub), pub.Enabled)
		checks[i] = f.check(OfPublisher, p.client.Name, pub.Name)
	})
	return checks
}

// enabled makes less of what is wrong with something that is not in use.
func enabled(f finding, is bool) finding {
	if is {
		return f
	}
	if f.result == Fail {
		f.result = Warn
	}
	f.detail += " (not enabled)"
	return f
}
