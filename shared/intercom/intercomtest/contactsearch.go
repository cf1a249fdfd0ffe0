package intercomtest

import "strings"

// contactSearch is what a search for contacts can compare.
func (ws *Workspace) contactSearch() *searchable {
	text := func(f func(uint32, *row) string) field { return field{kind: stringField, text: f} }
	flag := func(f func(uint32, *row) bool) field { return field{kind: booleanField, flag: f} }
	date := func(f func(uint32, *row) uint32) field { return field{kind: dateField, time: f} }
	rnd := func(seq uint32) uint64 { return ws.rnd(Contacts, seq, 'c') }
	none := func(uint32, *row) uint32 { return 0 }
	pick := func(from []string) field {
		return text(func(seq uint32, r *row) string { return ws.picked(seq, r, from) })
	}
	written := func(key string) field {
		return text(func(_ uint32, r *row) string { v, _ := r.text(key); return v })
	}
	never := func(uint32, *row) bool { return false }
	return &searchable{
		list: "list", items: "data", perPage: 50, sortBy: "created_at",
		sorts: map[string]func(uint32, *row) uint32{
			"id":                func(uint32, *row) uint32 { return 0 },
			"last_seen_at":      ws.seen,
			"signed_up_at":      ws.signedUp,
			"last_contacted_at": none,
			"last_replied_at":   none,
		},
		fields: map[string]field{
			"id":                       text(func(seq uint32, _ *row) string { return Contacts.id(seq) }),
			"role":                     text(ws.role),
			"name":                     text(ws.contactName),
			"email":                    text(ws.email),
			"email_domain":             text(func(seq uint32, r *row) string { return domainOf(ws.email(seq, r)) }),
			"phone":                    written("phone"),
			"owner_id":                 written("owner_id"),
			"language_override":        written("language_override"),
			"browser":                  pick(browsers[:]),
			"location.country":         pick(countries[:]),
			"location.city":            pick(cities[:]),
			"external_id":              text(ws.externalID),
			"created_at":               date(func(_ uint32, r *row) uint32 { return r.created }),
			"updated_at":               date(func(_ uint32, r *row) uint32 { return r.updated }),
			"signed_up_at":             date(ws.signedUp),
			"last_seen_at":             date(ws.seen),
			"last_contacted_at":        date(none),
			"last_replied_at":          date(none),
			"last_email_opened_at":     date(none),
			"last_email_clicked_at":    date(none),
			"unsubscribed_from_emails": flag(ws.unsubscribed),
			"has_hard_bounced":         flag(ws.bounced),
			"marked_email_as_spam":     flag(never),
			"tag_id":                   {kind: memberField, members: ws.tagIDs},
			"segment_id":               {kind: memberField, members: ws.segmentsOf},
		},
		custom: func(name string) (field, bool) {
			name, is := strings.CutPrefix(name, "custom_attributes.")
			switch {
			case name == "plan":
				return text(func(seq uint32, r *row) string {
					if plan, ok := r.custom(name); ok || r.made() {
						return plan
					}
					return plans[rnd(seq)>>16%uint64(len(plans))]
				}), true
			case name == "revision":
				return field{kind: integerField, number: func(_ uint32, r *row) int64 { return int64(r.version) }}, true
			case is && ws.knows("contact", name):
				return text(func(_ uint32, r *row) string { v, _ := r.custom(name); return v }), true
			}
			return field{}, false
		},
	}
}
