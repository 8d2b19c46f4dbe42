"""How a run goes: schedules, the run's folder, logs, processes."""
