-- What the responder made before it had migrations.
CREATE TABLE incidents (
    id VARCHAR(200) NOT NULL,
    detector_id VARCHAR(200),
    source VARCHAR(20) NOT NULL,
    revision INTEGER NOT NULL,
    service VARCHAR(200) NOT NULL,
    type VARCHAR(40) NOT NULL,
    over BOOLEAN NOT NULL,
    document JSON NOT NULL,
    state VARCHAR(20) NOT NULL,
    state_since DOUBLE NOT NULL,
    received_at DOUBLE NOT NULL,
    revised_at DOUBLE NOT NULL,
    updated_at DOUBLE NOT NULL,
    resolved_at DOUBLE,
    PRIMARY KEY (id)
);

CREATE INDEX incidents_by_service ON incidents (service, received_at);

CREATE INDEX incidents_by_time ON incidents (received_at, id);

CREATE INDEX incidents_by_state ON incidents (state, received_at);

CREATE TABLE runbook_entries (
    id VARCHAR(200) NOT NULL,
    document JSON NOT NULL,
    updated_at DOUBLE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE audit_trail (
    seq INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    kind VARCHAR(40) NOT NULL,
    incident_id VARCHAR(200) NOT NULL,
    actor TEXT NOT NULL,
    "key" VARCHAR(300) NOT NULL,
    detail TEXT NOT NULL,
    previous VARCHAR(64) NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (seq),
    UNIQUE ("key")
);

CREATE INDEX ix_audit_trail_incident_id ON audit_trail (incident_id);

CREATE TABLE audit_head (
    id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE incident_aliases (
    alias VARCHAR(200) NOT NULL,
    incident_id VARCHAR(200) NOT NULL,
    PRIMARY KEY (alias),
    FOREIGN KEY(incident_id) REFERENCES incidents (id)
);

CREATE INDEX ix_incident_aliases_incident_id ON incident_aliases (incident_id);

CREATE TABLE incident_alerts (
    id VARCHAR(200) NOT NULL,
    incident_id VARCHAR(200) NOT NULL,
    received_at DOUBLE NOT NULL,
    evidence JSON NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(incident_id) REFERENCES incidents (id)
);

CREATE INDEX ix_incident_alerts_incident_id ON incident_alerts (incident_id);

CREATE TABLE timeline (
    id INTEGER NOT NULL,
    incident_id VARCHAR(200) NOT NULL,
    seq INTEGER NOT NULL,
    "key" VARCHAR(240) NOT NULL,
    at DOUBLE NOT NULL,
    state VARCHAR(20) NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (incident_id, seq),
    UNIQUE (incident_id, "key"),
    FOREIGN KEY(incident_id) REFERENCES incidents (id)
);

CREATE TABLE diagnoses (
    incident_id VARCHAR(200) NOT NULL,
    attempt INTEGER NOT NULL,
    document JSON NOT NULL,
    PRIMARY KEY (incident_id, attempt),
    FOREIGN KEY(incident_id) REFERENCES incidents (id)
);

CREATE TABLE decisions (
    incident_id VARCHAR(200) NOT NULL,
    attempt INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    document JSON NOT NULL,
    PRIMARY KEY (incident_id, attempt, rank),
    FOREIGN KEY(incident_id) REFERENCES incidents (id)
);

CREATE TABLE actions (
    incident_id VARCHAR(200) NOT NULL,
    attempt INTEGER NOT NULL,
    action VARCHAR(40) NOT NULL,
    target VARCHAR(200) NOT NULL,
    outcome VARCHAR(20) NOT NULL,
    detail TEXT NOT NULL,
    started_at DOUBLE NOT NULL,
    ended_at DOUBLE,
    risky BOOLEAN NOT NULL,
    verification VARCHAR(20),
    verification_detail TEXT NOT NULL,
    PRIMARY KEY (incident_id, attempt),
    FOREIGN KEY(incident_id) REFERENCES incidents (id)
);

CREATE INDEX actions_by_target ON actions (target, started_at);

CREATE TABLE action_steps (
    incident_id VARCHAR(200) NOT NULL,
    attempt INTEGER NOT NULL,
    step INTEGER NOT NULL,
    "key" VARCHAR(240) NOT NULL,
    prior JSON NOT NULL,
    outcome VARCHAR(20) NOT NULL,
    detail TEXT NOT NULL,
    started_at DOUBLE NOT NULL,
    ended_at DOUBLE,
    PRIMARY KEY (incident_id, attempt, step),
    FOREIGN KEY(incident_id) REFERENCES incidents (id)
);

CREATE TABLE approvals (
    incident_id VARCHAR(200) NOT NULL,
    attempt INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    action VARCHAR(40) NOT NULL,
    target VARCHAR(200) NOT NULL,
    explanation TEXT NOT NULL,
    requested_at DOUBLE NOT NULL,
    expires_at DOUBLE NOT NULL,
    answer VARCHAR(20),
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    via VARCHAR(20) NOT NULL,
    answered_at DOUBLE,
    resumed_at DOUBLE,
    PRIMARY KEY (incident_id, attempt, rank),
    FOREIGN KEY(incident_id) REFERENCES incidents (id)
);

CREATE INDEX ix_approvals_resumed_at ON approvals (resumed_at);

