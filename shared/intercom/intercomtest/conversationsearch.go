package intercomtest

import "strconv"

// conversationSearch is what a search for conversations can compare.
func (ws *Workspace) conversationSearch() *searchable {
	date := func(f func(uint32, *row) uint32) field { return field{kind: dateField, time: f} }
	text := func(f func(uint32, *row) string) field { return field{kind: stringField, text: f} }
	return &searchable{
		list: "conversation.list", items: "conversations", perPage: 20, sortBy: "updated_at",
		sorts: map[string]func(uint32, *row) uint32{"id": func(uint32, *row) uint32 { return 0 }},
		fields: map[string]field{
			"id":            text(func(seq uint32, _ *row) string { return Conversations.id(seq) }),
			"created_at":    date(func(_ uint32, r *row) uint32 { return r.created }),
			"updated_at":    date(func(_ uint32, r *row) uint32 { return r.updated }),
			"waiting_since": date(func(uint32, *row) uint32 { return 0 }),
			"snoozed_until": date(func(uint32, *row) uint32 { return 0 }),
			"title": text(func(seq uint32, r *row) string {
				if title, ok := r.text("title"); ok {
					return title
				}
				return "Conversation " + strconv.Itoa(int(seq))
			}),
			"source.author.id": text(func(seq uint32, r *row) string {
				if r.doc != nil && r.doc.fields.has("source") {
					return r.doc.fields.object("source").object("author").text("id")
				}
				return Contacts.id(ws.contactOf(Conversations, seq))
			}),
			"source.body": text(func(seq uint32, r *row) string { return ws.sourceBody(seq, r) }),
			"source.type": text(func(uint32, *row) string { return "conversation" }),
			"state":       text(ws.conversationState),
			"open":        {kind: booleanField, flag: func(seq uint32, r *row) bool { return ws.conversationState(seq, r) == "open" }},
			"read":        {kind: booleanField, flag: ws.conversationRead},
			"admin_assignee_id": text(func(seq uint32, r *row) string {
				if id, ok := r.text("admin_assignee_id"); ok {
					return id
				}
				return strconv.FormatUint(ws.rnd(Conversations, seq, 'a')%3, 10)
			}),
			"contact_ids": {kind: memberField, members: func(seq uint32, r *row) []string {
				return ws.peopleOf(Conversations, seq, r)
			}},
			"tag_ids": {kind: memberField, members: ws.labelsOf},
			"statistics.count_conversation_parts": {kind: integerField, number: func(seq uint32, r *row) int64 {
				return int64(partCount(seq, r) + len(r.parts()))
			}},
		},
	}
}
