import { monitorEventLoopDelay } from 'node:perf_hooks';
import { VERSION } from './version.js';

const LOOP_RESOLUTION_MS = 20;

type Labels = Readonly<Record<string, string>>;

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([key, value]) => `${key}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string, samples: readonly string[]): string {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples].map((line) => `${line}\n`).join('');
}

export class Counter {
  private readonly values = new Map<string, number>();

  constructor(
    private readonly name: string,
    private readonly help: string,
    initial: readonly Labels[] = [],
  ) {
    // Known series start at 0: rate() needs a value before the first increase.
    for (const labels of initial) this.values.set(renderLabels(labels), 0);
  }

  increment(labels: Labels = {}): void {
    const key = renderLabels(labels);
    this.values.set(key, (this.values.get(key) ?? 0) + 1);
  }

  total(): number {
    return [...this.values.values()].reduce((sum, value) => sum + value, 0);
  }

  render(): string {
    return family(this.name, 'counter', this.help, [...this.values].map(([labels, value]) => `${this.name}${labels} ${value}`));
  }
}

// The guide's limits, 25 ms, 50 ms and 100 ms, are edges of buckets.
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Histogram {
  private readonly series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>();

  constructor(
    private readonly name: string,
    private readonly help: string,
  ) {}

  observe(labels: Labels, seconds: number): void {
    const key = renderLabels(labels);
    let entry = this.series.get(key);
    if (entry === undefined) {
      entry = { labels, counts: BUCKETS.map(() => 0), sum: 0, count: 0 };
      this.series.set(key, entry);
    }
    entry.sum += seconds;
    entry.count += 1;
    for (const [i, edge] of BUCKETS.entries()) {
      if (seconds <= edge) entry.counts[i] = (entry.counts[i] ?? 0) + 1;
    }
  }

  render(): string {
    const samples: string[] = [];
    for (const [key, { labels, counts, sum, count }] of this.series) {
      for (const [i, edge] of BUCKETS.entries()) {
        samples.push(`${this.name}_bucket${renderLabels({ ...labels, le: String(edge) })} ${counts[i] ?? 0}`);
      }
      samples.push(`${this.name}_bucket${renderLabels({ ...labels, le: '+Inf' })} ${count}`);
      samples.push(`${this.name}_sum${key} ${sum}`, `${this.name}_count${key} ${count}`);
    }
    return family(this.name, 'histogram', this.help, samples);
  }
}

/** Values read when somebody asks; undefined leaves the metric out. */
export interface GaugeValues {
  readonly activeSessions: number | undefined;
  readonly activeProjects: number | undefined;
  readonly databaseUp: boolean;
  readonly pool: { readonly total: number; readonly idle: number; readonly waiting: number };
  readonly lineConnections: number;
  readonly httpSessions: number;
}

const STATUSES = ['success', 'failure'] as const;
const LEVELS = ['named', 'last_used', 'user_primary', 'system_default'] as const;

export class Metrics {
  readonly requests = new Counter('aidis_requests_total', 'Tool calls by transport, tool and status.');
  readonly durations = new Histogram('aidis_request_duration_seconds', 'Duration of tool calls.');
  readonly sessionsCreated = new Counter(
    'aidis_sessions_created_total',
    'Sessions asked for, by outcome.',
    STATUSES.map((status) => ({ status })),
  );
  readonly assignments = new Counter('aidis_project_assignments_total', 'Projects assigned to sessions, by level of resolution and outcome.', [
    ...LEVELS.map((level) => ({ level, status: 'success' })),
    { level: 'none', status: 'failure' },
  ]);
  readonly protocolErrors = new Counter('aidis_protocol_errors_total', 'Messages refused before they reached a tool.', [
    { transport: 'lines' },
    { transport: 'http' },
  ]);
  private readonly loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  private readonly startedAt = Date.now() / 1000;

  constructor() {
    this.loop.enable();
  }

  close(): void {
    this.loop.disable();
  }

  render(values: GaugeValues): string {
    const gauge = (name: string, help: string, value: number | undefined): string =>
      value === undefined ? '' : family(name, 'gauge', help, [`${name} ${value}`]);
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    // The histogram measures from one timer to the next, the timer's period
    // included; its mean is NaN until it has seen a sample.
    const lag = (nanoseconds: number): number =>
      Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - LOOP_RESOLUTION_MS / 1e3) : 0;
    const text = [
      family('aidis_build_info', 'gauge', 'Version of the server; the value is always 1.', [
        `aidis_build_info${renderLabels({ version: VERSION, node: process.versions.node })} 1`,
      ]),
      this.requests.render(),
      this.durations.render(),
      this.sessionsCreated.render(),
      this.assignments.render(),
      this.protocolErrors.render(),
      gauge('aidis_database_up', '1 when the database answered this scrape.', values.databaseUp ? 1 : 0),
      gauge('aidis_active_sessions', 'Sessions that are active, of all servers on this database.', values.activeSessions),
      gauge('aidis_projects', 'Active projects.', values.activeProjects),
      gauge('aidis_db_pool_total', 'Connections of the pool.', values.pool.total),
      gauge('aidis_db_pool_idle', 'Connections of the pool that are idle.', values.pool.idle),
      gauge('aidis_db_pool_waiting', 'Calls waiting for a connection.', values.pool.waiting),
      gauge('aidis_line_connections', 'Open connections of the line transport.', values.lineConnections),
      gauge('aidis_http_sessions', 'Open MCP sessions of the HTTP transport.', values.httpSessions),
      gauge('process_resident_memory_bytes', 'Resident memory.', memory.rss),
      gauge('nodejs_heap_size_used_bytes', 'Heap in use.', memory.heapUsed),
      gauge('nodejs_heap_size_total_bytes', 'Heap reserved.', memory.heapTotal),
      gauge('process_start_time_seconds', 'Start of the process, Unix time.', this.startedAt),
      family('process_cpu_seconds_total', 'counter', 'CPU time, user and system.', [
        `process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`,
      ]),
      gauge('nodejs_eventloop_lag_seconds', 'Mean delay of the event loop since the last scrape.', lag(this.loop.mean)),
      gauge('nodejs_eventloop_lag_p99_seconds', '99th percentile of the same.', lag(this.loop.percentile(99))),
      gauge('nodejs_eventloop_lag_max_seconds', 'Maximum of the same.', lag(this.loop.max)),
    ].join('');
    this.loop.reset();
    return text;
  }
}
