-- Two roles: evently_owner migrates, evently is the platform. Run once, as a superuser, in a new database:
--   EVENTLY_OWNER_PASSWORD=... EVENTLY_APP_PASSWORD=... psql -d evently -f deploy/postgres-roles.sql
-- DATABASE_URL names evently everywhere except for `manage.py migrate`, which needs evently_owner.
\set ON_ERROR_STOP on
\getenv owner_password EVENTLY_OWNER_PASSWORD
\getenv app_password EVENTLY_APP_PASSWORD

CREATE ROLE evently_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE evently LOGIN PASSWORD :'app_password';
ALTER DATABASE :"DBNAME" OWNER TO evently_owner;  -- so that migrations may create tables and trusted extensions

ALTER DEFAULT PRIVILEGES FOR ROLE evently_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO evently;
ALTER DEFAULT PRIVILEGES FOR ROLE evently_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO evently;

-- No request waits for ever and none keeps others waiting: on the role, so that it holds through a pooler, too.
ALTER ROLE evently IN DATABASE :"DBNAME" SET lock_timeout = '3s';
ALTER ROLE evently IN DATABASE :"DBNAME" SET statement_timeout = '10s';
ALTER ROLE evently IN DATABASE :"DBNAME" SET idle_in_transaction_session_timeout = '15s';

-- A migration may work for long, but not queue in front of everyone while it waits for a lock.
ALTER ROLE evently_owner IN DATABASE :"DBNAME" SET lock_timeout = '3s';
