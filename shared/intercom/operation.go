package intercom

// A Kind says what an operation does to a workspace.
type Kind uint8

// The kinds of operations.
const (
	Read  Kind = iota + 1 // asks, changes nothing
	Write                 // changes the workspace
	Job                   // starts or cancels an export job
)

// A Body says whether a request carries a payload.
type Body uint8

// What an operation expects as its payload.
const (
	NoBody Body = iota
	OptionalBody
	RequiredBody
)

// An Answer is the kind of content a success carries.
type Answer uint8

// The kinds of answers.
const (
	JSON   Answer = iota
	Text          // text/plain: a call's transcript
	Binary        // downloads and recordings
	Empty         // nothing, whatever the status
)

// Paging says how the next page of an operation is asked for. How a page
// announces the next one is not part of it: see [Page], one rule for all.
type Paging uint8

// The ways of asking for the next page.
const (
	NoPaging    Paging = iota
	CursorQuery        // ?starting_after=…
	CursorBody         // {"pagination": {"starting_after": …}}
	PageQuery          // ?page=…
	PageBody           // {"page": …}
	NextURL            // the query of the URL in pages.next
	Scroll             // ?scroll_param=…, the same on every page
	NextCursor         // ?cursor=…, the next_cursor of the page before
)

// A Param is a query parameter that an operation declares.
type Param struct {
	Name     string
	Required bool
}

// An Operation is one request that Intercom's API knows, as data.
type Operation struct {
	ID     string // Intercom's operationId, made up from method and path where it has none
	Method string
	Path   string // as documented: /contacts/{contact_id}/notes
	Tag    string // Intercom's own grouping: "Contacts"
	Kind   Kind
	Docs   string // Intercom's page about it

	Query        []Param
	Body         Body
	BodyRequired []string // top-level keys that every variant of the payload needs
	// Repeat says why a POST or PATCH that changes something may be sent twice,
	// nil where it may not. Ask Repeatable.
	Repeat *Repeat

	Answer  Answer
	Items   string // where a page's records are: "data", "data.articles", "." for a root array, "" for a single object
	Paging  Paging
	PerPage int // records a page may hold at most, 0 where asking for a size is not known to work

	// Permission is what the Developer Hub calls the permission that the
	// operation needs, or its scope's id where only that is published, "" where
	// neither is known.
	Permission string
	// SideEffect says what reading this changes, "" for a read that changes
	// nothing. An operation with one is never polled without being told to.
	SideEffect string
}

// A Repeat says why a request does the same whether it is sent once or twice,
// although its method does not promise it.
type Repeat struct {
	Keys   []string // of the payload, all of which it needs for that; none where the path says it all
	Source string   // Intercom's page, and what it says or implies
}
