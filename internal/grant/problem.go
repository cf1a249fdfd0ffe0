package grant

import (
	"log/slog"
	"net/http"
)

// A problem is one way in which a request does not lead to a grant: what the
// page says, and what the log does.
type problem struct {
	kind   string // names it in the log and in a Result
	status int
	title  string
	text   string // what has happened
	remedy string // what to do about it

	client string
	err    error // for the log only
}

// with returns the problem with its cause.
func (p problem) with(err error) *problem {
	p.err = err
	return &p
}

// of returns the problem with its client and its cause.
func (p problem) of(client string, err error) *problem {
	p.client, p.err = client, err
	return &p
}

// saying returns the problem with another text, and remedy where it is not "".
func (p problem) saying(text, remedy string) problem {
	p.text = text
	if remedy != "" {
		p.remedy = remedy
	}
	return p
}

// level is error where somebody must look: at the stack, or at Intercom.
func (p *problem) level() slog.Level {
	if p.status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelWarn
}

const (
	again   = "Ask for a new link: it is made by the command “connector grant”."
	nothing = " Nothing was stored."
)

// The problems there are. All texts are fixed but for names of workspaces,
// regions and permissions.
var (
	noPage = problem{
		kind: "no_page", status: http.StatusNotFound, title: "No such page",
		text: "There is nothing here.", remedy: "Links to this connector are made by the command “connector grant”.",
	}
	wrongMethod = problem{
		kind: "wrong_method", status: http.StatusMethodNotAllowed, title: "Not like this",
		text: "This address does not take that kind of request.", remedy: "Links to this connector are made by the command “connector grant”.",
	}
	tooLong = problem{
		kind: "too_long", status: http.StatusRequestURITooLong, title: "That is too long",
		text: "The address that Intercom would send you back to is never that long." + nothing, remedy: again,
	}
	badQuery = problem{
		kind: "bad_query", status: http.StatusBadRequest, title: "Something is wrong with this address",
		text: "It is not one that Intercom would send you back to: a part is missing, is there twice or cannot be read." + nothing, remedy: again,
	}
	noState = problem{
		kind: "no_state", status: http.StatusBadRequest, title: "This did not begin here",
		text:   "Access is granted with a link that this connector has made, and you came without one, perhaps from Intercom's app store." + nothing,
		remedy: again,
	}
	unknownState = problem{
		kind: "unknown_state", status: http.StatusBadRequest, title: "This link is not known here",
		text: "It was made long ago, or for another connector." + nothing, remedy: again,
	}
	foreignState = problem{
		kind: "foreign_state", status: http.StatusForbidden, title: "This link belongs elsewhere",
		text: "It was made for another stack, or for a client that this one does not have any more." + nothing, remedy: again,
	}
	lateState = problem{
		kind: "expired_state", status: http.StatusGone, title: "This link is too old",
		text: "A link can be used for ten minutes." + nothing, remedy: again,
	}
	usedState = problem{
		kind: "used_state", status: http.StatusConflict, title: "This link has been used",
		text:   "A link can be used once. If you have only loaded the page again, what it said before still holds.",
		remedy: "If access was not granted, ask for a new link: it is made by the command “connector grant”.",
	}
	refused = problem{
		kind: "refused", status: http.StatusForbidden, title: "Access was not granted",
		text:   "Intercom says that access was refused." + nothing,
		remedy: "To grant it after all, ask for a new link: it is made by the command “connector grant”.",
	}
	noApp = problem{
		kind: "no_app", status: http.StatusInternalServerError, title: "The app is not set up",
		text:   "The connector does not have the client id and the client secret of its Intercom app." + nothing,
		remedy: "Store them with the command “connector app”, then ask for a new link.",
	}
	codeRefused = problem{
		kind: "code_refused", status: http.StatusBadGateway, title: "Intercom did not accept the grant",
		text:   "Intercom refused to give a token for it: the code is too old or was used before, or the client secret is not that of the app." + nothing,
		remedy: "Ask for a new link. If it happens again, store the client id and the client secret anew with “connector app”.",
	}
	exchangeFailed = problem{
		kind: "exchange_failed", status: http.StatusBadGateway, title: "Intercom gave no token",
		text: "The address that gives tokens did not answer as it should." + nothing, remedy: "Try again with a new link, in a few minutes.",
	}
	meFailed = problem{
		kind: "me_failed", status: http.StatusBadGateway, title: "Intercom does not say whose token it is",
		text: "A token was given, but Intercom did not say for which workspace." + nothing, remedy: "Try again with a new link, in a few minutes.",
	}
	meForbidden = problem{
		kind: "me_forbidden", status: http.StatusBadGateway, title: "The app may not ask whose token it is",
		text:   "A token was given, but it may not be used to ask Intercom for which workspace." + nothing,
		remedy: "In Intercom's Developer Hub, let the app read admins, and check that no list of allowed IP addresses is in the way. Then ask for a new link.",
	}
	wrongWorkspace = problem{
		kind: "wrong_workspace", status: http.StatusForbidden, title: "This is another workspace",
	}
	wrongRegion = problem{
		kind: "wrong_region", status: http.StatusConflict, title: "This workspace lives in another region",
	}
	notStored = problem{
		kind: "not_stored", status: http.StatusInternalServerError, title: "The token could not be stored",
		text: "Access was granted, but the connector could not keep the token." + nothing, remedy: "Try again with a new link. The connector's log says what went wrong.",
	}
	broken = problem{
		kind: "broken", status: http.StatusInternalServerError, title: "Something went wrong here",
		text: "It is the connector's fault, not yours." + nothing, remedy: "Try again with a new link. The connector's log says what went wrong.",
	}
)
