"""The Engine API: routes, versions and errors over ``scow.api.http``. Calls services by Protocols only."""
