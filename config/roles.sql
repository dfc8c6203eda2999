-- The database roles of the product. An administrator runs it with psql in the product's database, on PostgreSQL 15 or
-- newer, before the first migration:
--
--   relief_owner  owns everything, and migrates (OWNER_DATABASE_URL)
--   relief_app    is what every other process connects as (DATABASE_URL)
--   relief_sealed alone can read the ciphertexts of sealed addresses, and nothing else (SEALED_DATABASE_URL)
--
-- `manage.py migrate` grants the last two their rights.
--
-- It may be repeated. In a database of an earlier release it makes relief_owner the owner of what is there.
-- Passwords come from environment variables; without them, passwords stay as they are.
\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['relief_owner', 'relief_app', 'relief_sealed']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

\getenv owner_password RELIEF_OWNER_PASSWORD
\if :{?owner_password}
ALTER ROLE relief_owner PASSWORD :'owner_password';
\endif
\getenv app_password RELIEF_APP_PASSWORD
\if :{?app_password}
ALTER ROLE relief_app PASSWORD :'app_password';
\endif

\getenv sealed_password RELIEF_SEALED_PASSWORD
\if :{?sealed_password}
ALTER ROLE relief_sealed PASSWORD :'sealed_password';
\endif

-- An administrator who is not a superuser must be a member to hand anything over.
GRANT relief_owner TO CURRENT_USER;

-- The database's owner has the rights of the schema public too (pg_database_owner).
SELECT format('ALTER DATABASE %I OWNER TO relief_owner', current_database()) \gexec

SELECT 'ALTER SCHEMA sealed OWNER TO relief_owner' FROM pg_namespace
WHERE nspname = 'sealed' AND nspowner <> 'relief_owner'::regrole \gexec
SELECT format('ALTER TABLE %s OWNER TO relief_owner', oid::regclass) FROM pg_class
WHERE relnamespace IN ('public'::regnamespace, to_regnamespace('sealed')) AND relkind IN ('r', 'p') AND relowner <> 'relief_owner'::regrole \gexec
SELECT format('ALTER ROUTINE %s OWNER TO relief_owner', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proowner <> 'relief_owner'::regrole
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e') \gexec

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()) \gexec
