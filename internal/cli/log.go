package cli

import "log/slog"

// log is the logger of --log-level.
func (a *app) log() *slog.Logger {
	level, on := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[a.global.LogLevel]
	if !on {
		return slog.New(slog.DiscardHandler)
	}
	return a.logger(level)
}

// logger logs to standard error from a level on.
func (a *app) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(a.console, &slog.HandlerOptions{Level: level}))
}
