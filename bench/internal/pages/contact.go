package pages

import "strings"

// contact is one record of about 2 KB, with what real ones have: nested lists,
// custom attributes, escapes, text in several scripts. The marks in it are
// replaced by values of the same width, so that a page can be written by
// copying and patching.
const contact = `{"type":"contact","id":"` + idMark + `","workspace_id":"bench001","external_id":"` + externalMark + `",` +
	`"role":"user","email":"` + externalMark + `@example.com","phone":"+31205550123","name":"Zoë \"Z\" Müller-Łukasz",` +
	`"avatar":{"type":"avatar","image_url":"https:\/\/static.example.com\/avatars\/square_128\/custom_avatar.png"},` +
	`"owner_id":814860,"social_profiles":{"type":"list","data":[{"type":"social_profile","name":"Twitter","url":"https://twitter.example.com/zm"}]},` +
	`"has_hard_bounced":false,"marked_email_as_spam":false,"unsubscribed_from_emails":false,` +
	`"created_at":` + createdMark + `,"updated_at":` + updatedMark + `,"signed_up_at":` + createdMark + `,"last_seen_at":` + updatedMark + `,` +
	`"last_replied_at":null,"last_contacted_at":` + createdMark + `,"last_email_opened_at":null,"last_email_clicked_at":null,` +
	`"language_override":null,"browser":"chrome","browser_version":"141.0.0.0","browser_language":"nl","os":"OS X 10.15.7",` +
	`"location":{"type":"location","country":"Netherlands","region":"Noord-Holland","city":"Amsterdam","country_code":"NLD","continent_code":"EU"},` +
	`"custom_attributes":{"plan":"team","seats":25,"mrr":1249.5,"trial":false,"churn_risk":0.0172,"note":"Prefers e-mail; renews in {Q3}, \u20ac [see deal]\nSecond line","segment key":"mid.market"},` +
	`"tags":{"type":"list","data":[{"id":"8412","type":"tag","url":"/tags/8412"},{"id":"8413","type":"tag","url":"/tags/8413"}],"url":"/contacts/` + idMark + `/tags","total_count":2,"has_more":false},` +
	`"notes":{"type":"list","data":[],"url":"/contacts/` + idMark + `/notes","total_count":0,"has_more":false},` +
	`"companies":{"type":"list","data":[{"id":"667d60a78a68186f43bafd1a","type":"company","url":"/companies/667d60a78a68186f43bafd1a"}],"url":"/contacts/` + idMark + `/companies","total_count":1,"has_more":false},` +
	`"opted_out_subscription_types":{"type":"list","data":[],"url":"/contacts/` + idMark + `/subscriptions","total_count":0,"has_more":false},` +
	`"utm_campaign":null,"utm_content":null,"utm_medium":null,"utm_source":null,"utm_term":null,"referrer":"https://www.example.com/pricing?ref=footer","sms_consent":false,"unsubscribed_from_sms":false}`

// The marks. Each is as wide as what replaces it, and found nowhere else.
const (
	idMark       = "@id@@@@@@@@@@@@@@@@@@@@@" // 24 hexadecimal digits
	externalMark = "@external@@@"             // 12 digits
	createdMark  = "@created@@"               // 10 digits: unix seconds until the year 2286
	updatedMark  = "@updated@@"
)

// offsets finds every place of mark in a contact.
func offsets(mark string) []int {
	var at []int
	for from := 0; ; {
		i := strings.Index(contact[from:], mark)
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(mark)
	}
}
