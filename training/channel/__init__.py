"""The telephone channel as composable transforms, one class per module."""
