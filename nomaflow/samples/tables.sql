-- The sample data as it is published; run by psql in both sample databases, inside one transaction.
-- The variable `ops` says which of the two it is.
SELECT to_regclass('weather') IS NOT NULL AS filled \gset
\if :filled
\q
\endif
CREATE TABLE airlines (
  carrier text PRIMARY KEY,
  name    text NOT NULL
);
CREATE TABLE weather (
  origin     text NOT NULL,
  year       smallint NOT NULL,
  month      smallint NOT NULL,
  day        smallint NOT NULL,
  hour       smallint NOT NULL,
  temp       double precision,
  dewp       double precision,
  humid      double precision,
  wind_dir   smallint,
  wind_speed double precision,
  wind_gust  double precision,
  precip     double precision NOT NULL,
  pressure   double precision,
  visib      double precision NOT NULL,
  time_hour  timestamptz NOT NULL,
  PRIMARY KEY (origin, time_hour)
);
\copy airlines FROM 'airlines.csv' WITH (FORMAT csv, HEADER match, NULL 'NA')
\copy weather FROM 'weather.csv' WITH (FORMAT csv, HEADER match, NULL 'NA')

\if :ops
CREATE TABLE airports (
  faa   text PRIMARY KEY,
  name  text NOT NULL,
  lat   double precision NOT NULL,
  lon   double precision NOT NULL,
  alt   integer NOT NULL,
  tz    smallint NOT NULL,
  dst   text NOT NULL,
  tzone text
);
CREATE TABLE planes (
  tailnum      text PRIMARY KEY,
  year         smallint,
  type         text NOT NULL,
  manufacturer text NOT NULL,
  model        text NOT NULL,
  engines      smallint NOT NULL,
  seats        smallint NOT NULL,
  speed        smallint,
  engine       text NOT NULL
);
CREATE TABLE flights (
  year           smallint NOT NULL,
  month          smallint NOT NULL,
  day            smallint NOT NULL,
  dep_time       smallint,
  sched_dep_time smallint NOT NULL,
  dep_delay      smallint,
  arr_time       smallint,
  sched_arr_time smallint NOT NULL,
  arr_delay      smallint,
  carrier        text NOT NULL REFERENCES airlines,
  flight         integer NOT NULL,
  tailnum        text,
  origin         text NOT NULL REFERENCES airports,
  dest           text NOT NULL,
  air_time       smallint,
  distance       smallint NOT NULL,
  hour           smallint NOT NULL,
  minute         smallint NOT NULL,
  time_hour      timestamptz NOT NULL
);
\copy airports FROM 'airports.csv' WITH (FORMAT csv, HEADER match, NULL 'NA')
\copy planes FROM 'planes.csv' WITH (FORMAT csv, HEADER match, NULL 'NA')
\copy flights FROM 'flights.csv' WITH (FORMAT csv, HEADER match, NULL 'NA')
ALTER TABLE flights ADD PRIMARY KEY (time_hour, carrier, flight);
\else
CREATE TABLE delays_by_carrier (
  carrier       text PRIMARY KEY,
  name          text NOT NULL,
  flights       integer NOT NULL,
  cancelled     integer NOT NULL,
  average_delay numeric(8, 2),
  on_time_share numeric(5, 4)
);
CREATE TABLE delays_by_hour (
  hour          smallint PRIMARY KEY,
  flights       integer NOT NULL,
  average_delay numeric(8, 2),
  average_wind  numeric(8, 2),
  rainy_flights integer NOT NULL,
  rainy_delay   numeric(8, 2)
);
CREATE TABLE summaries (
  period     text PRIMARY KEY,
  written_at timestamptz NOT NULL DEFAULT now(),
  written_by text NOT NULL,
  body       text NOT NULL
);
\endif
ANALYZE;
