package main

import "strings"

// A grant names the permissions of all operations whose paths begin with path,
// unless a longer one fits. Names are those of the Developer Hub; where only
// the scope's id is published, it is the id.
type grant struct{ path, read, write string }

// grants is ordered by path. Where an operation's permission is not published
// it has none here, and the error that a 403 carries has to do.
//
// Sources:
//   - the names: https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/oauth-scopes
//   - of calls and conversations too: the permissions column of
//     https://developers.intercom.com/docs/references/2.16/webhooks/webhook-models
//   - ids: the operations' own descriptions ("Requires the ... OAuth scope")
//   - of reporting data: consent pages of apps that ask for them
var grants = []grant{
	{"/admins", "Read admins", "Update admins"},
	{"/admins/activity_log_event_types", "Read admin activity logs", ""},
	{"/admins/activity_logs", "Read admin activity logs", ""},
	{"/admins/{admin_id}", "Read one admin", "Update admins"},
	{"/ai", "Read and write AI content", "Read and write AI content"},
	{"/articles", "Read and List articles", "Read and Write Articles"},
	{"/calls", "Read conversations", ""},
	{"/companies", "Read and list users and companies", "Write users and companies"},
	{"/contacts", "Read and list users and companies", "Write users and companies"},
	{"/contacts/{id}/banners", "Read and write users", "Read and write users"},
	{"/content", "read_content", "write_content"},
	{"/content_snippets", "read_write_content_snippets", "read_write_content_snippets"},
	{"/conversations", "Read conversations", "Write conversations"},
	{"/conversations/attributes", "", ""},
	{"/custom_object_instances", "Read and write custom object instances", "Read and write custom object instances"},
	{"/data_attributes", "", "Write data attributes"},
	{"/data_connectors", "Read data connectors", "Read and write data connectors"},
	{"/download/content/data", "Export content data", ""},
	{"/download/reporting_data", "Export reporting data", ""},
	{"/events", "Read events", "Write events"},
	{"/export/cancel", "", "Export content data"},
	{"/export/content/data", "Export content data", "Export content data"},
	{"/export/reporting_data", "Export reporting data", "Export reporting data"},
	{"/export/reporting_data/get_datasets", "Read reporting datasets", ""},
	{"/help_center/help_centers/{help_center_id}/redirects", "read_help_center_redirects_scope", "read_write_help_center_redirects_scope"},
	{"/internal_articles", "Read and List articles", "Read and Write Articles"},
	{"/ip_allowlist", "manage_ip_allowlist", "manage_ip_allowlist"},
	{"/jobs/status", "Read status of jobs", ""},
	{"/macros", "Read conversations", ""},
	{"/me", "Read one admin", ""},
	{"/news", "Read and list news items and newsfeeds", "Read and write news items and newsfeeds"},
	{"/office_hours_schedules", "read_write_office_hours", "read_write_office_hours"},
	{"/phone_call_redirects", "", "Create phone call redirects"},
	{"/segments", "Read and list users and companies", ""},
	{"/tags", "Read tags", "Write tags"},
	{"/tickets", "Read tickets", "Write tickets"},
}

// permission returns the grant of the longest path that fits, "" for none.
func permission(path string, read bool) string {
	var best grant
	for _, g := range grants {
		rest, ok := strings.CutPrefix(path, g.path)
		whole := rest == "" || rest[0] == '/' // /me is not the beginning of /messages
		if ok && whole && len(g.path) > len(best.path) {
			best = g
		}
	}
	if read {
		return best.read
	}
	return best.write
}
