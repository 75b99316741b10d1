-- Sessions of password logins join those of browsers: one place to list, to end and to tell of them.
INSERT INTO auth_session (id, account_id, client_ids, created_at, last_used_at, idle_until, expires_at)
SELECT f.id::text, f.account_id::text, '{shop}', f.created_at, now(), least(f.expires_at, t.expires_at), f.expires_at
FROM refresh_family f
JOIN (SELECT family_id, max(expires_at) AS expires_at FROM refresh_token GROUP BY family_id) t ON t.family_id = f.id
WHERE f.revoked_at IS NULL AND f.expires_at > now();

INSERT INTO auth_record (model, id_hash, payload, session_id, consumed_at, expires_at)
SELECT 'RefreshToken', t.token_hash, '{}', s.id, t.used_at, t.expires_at
FROM refresh_token t JOIN auth_session s ON s.id = t.family_id::text;

DROP TABLE refresh_token;
DROP TABLE refresh_family;

-- Access tokens are signed with ES256, ID tokens with RS256 unless a client asks for another.
ALTER TABLE signing_key ADD COLUMN alg text NOT NULL DEFAULT 'ES256';
