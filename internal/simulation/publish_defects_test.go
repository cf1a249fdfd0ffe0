package simulation_test

// postDefects are bugs of the writing side.
var postDefects = []defect{
	{"claim after sending", "internal/publish/course.go", []string{
		"	case c.claim != nil:\n		if err := c.take(ctx); err != nil {", "	case false:\n		if err := c.take(ctx); err != nil {",
		"	return c.p.API.Send(ctx, &c.request)\n}\n\n// take",
		"	resp, err := c.p.API.Send(ctx, &c.request)\n	if c.claim != nil {\n		if err := c.take(ctx); err != nil {\n			return nil, &heldError{err}\n		}\n	}\n	return resp, err\n}\n\n// take",
	}, writing},
	{"done saved after the acknowledgement", "internal/publish/course.go", []string{
		"	if err := c.claim.finish(ctx, r); err != nil {\n		return c.wait(\"it is done, but cannot be remembered: \"+err.Error(), c.p.backoff(c.d.Tries))\n	}\n",
		"	go func() {\n		sleep(context.WithoutCancel(ctx), time.Minute)\n		_ = c.claim.finish(context.WithoutCancel(ctx), r)\n	}()\n",
	}, writing},
	{"a payload that is not compared", "internal/publish/course.go", []string{
		"if known && c.claim.Request != c.m.digest {", "if false && known {",
	}, writing},
	{"an unknown outcome is tried again", "internal/publish/decide.go", []string{
		"	if s.repeatable {\n		v.step = stepRepeat\n	}\n", "	v.step = stepRepeat\n",
	}, writing},
	{"a group goes on after a failure", "internal/publish/batch.go", []string{
		"case stopped != nil && stopped.Outcome == Retry:", "case false && stopped.Outcome == Retry:",
	}, writing},
	{"a released claim stays one that was sent", "internal/publish/claim.go", []string{
		"c.State, c.Owner, c.Until = released, \"\", time.Time{}", "c.State, c.Owner, c.Until = sending, \"\", time.Time{}",
	}, writing},
	{"a pause that nobody heeds", "internal/publish/batch.go", []string{
		"	case reason != \"\":\n		return all(Paused, reason)\n", "	case reason == \"never\":\n",
	}, writing},
	{"one find settles two equal requests", "internal/publish/settle.go", []string{
		"case len(found.items) > 0 && sure && len(found.items) >= twins:", "case len(found.items) > 0 && (sure || twins == 0):",
	}, writing},
	{"a claim that nobody respects", "internal/publish/claim.go", []string{
		"return c.State == sending && c.Owner != c.p.Owner && time.Now().Before(c.Until)", "return false && c.Owner == c.p.Owner",
	}, writing},
	{"sent again before the first can have arrived", "internal/publish/settle.go", []string{
		"quietLost = 90 * time.Second", "quietLost = 5 * time.Second",
	}, writing},
}
