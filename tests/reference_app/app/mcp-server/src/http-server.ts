import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
// The SDK's high-level class registers tools from its own schemas; here both
// transports share one registry, for which the SDK recommends this class.
import { Server as McpServer } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  isInitializeRequest,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { ServerConfig } from './config.js';
import { errorResponse, INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR, toCallResult } from './jsonrpc.js';
import { TokenError, verifyToken } from './jwt.js';
import type { Log } from './log.js';
import type { Metrics } from './metrics.js';
import type { Tools } from './tools.js';
import { SERVER_NAME, VERSION } from './version.js';

const MAX_BODY = 1024 * 1024;
const MAX_SESSIONS = 1000;
const SESSION_IDLE_MS = 60 * 60 * 1000;

interface HttpSession {
  readonly transport: StreamableHTTPServerTransport;
  /** Whom the session was opened for; others' tokens do not get in. */
  readonly user: string | undefined;
  lastUsed: number;
}

export interface Probes {
  /** @returns undefined when ready, otherwise the reason why not */
  readiness(): Promise<string | undefined>;
  metricsText(): Promise<string>;
}

class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly body: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(body);
  }
}

/** Health, readiness, metrics, and MCP over streamable HTTP by the official SDK. */
export class HttpServer {
  private readonly server: Server;
  private readonly sessions = new Map<string, HttpSession>();
  private readonly inFlight = new Set<ServerResponse>();
  private readonly sweeper: NodeJS.Timeout;
  private stopping = false;

  constructor(
    private readonly tools: Tools,
    private readonly settings: () => ServerConfig,
    private readonly probes: Probes,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {
    this.server = createServer((request, response) => {
      void this.respond(request, response);
    });
    this.server.requestTimeout = 30_000;
    this.server.headersTimeout = 15_000;
    // Whatever is not HTTP gets a short answer and is cut off.
    this.server.on('clientError', (_error, socket) => {
      this.metrics.protocolErrors.increment({ transport: 'http' });
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      else socket.destroy();
    });
    this.sweeper = setInterval(() => {
      for (const { transport, lastUsed } of this.sessions.values()) {
        if (Date.now() - lastUsed > SESSION_IDLE_MS) void transport.close();
      }
    }, 60_000);
    this.sweeper.unref();
  }

  get sessionCount(): number {
    return this.sessions.size;
  }

  async listen(port: number, host: string | undefined): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.server.off('error', reject);
        this.server.on('error', (error) => {
          this.log.error('http listener', { error });
        });
        resolve();
      });
    });
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Takes no more connections; resolves when requests begun are answered. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearInterval(this.sweeper);
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    this.server.closeIdleConnections();
    await Promise.all(
      [...this.inFlight].map(
        (response) =>
          new Promise<void>((resolve) => {
            response.once('close', resolve);
          }),
      ),
    );
    // Only event streams, which would stay open for ever, are left.
    await Promise.all([...this.sessions.values()].map(({ transport }) => transport.close()));
    this.server.closeIdleConnections();
    await closed;
  }

  destroyAll(): void {
    this.server.closeAllConnections();
  }

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.stopping) response.setHeader('Connection', 'close');
    // An open event stream is not work to wait for.
    const isStream = request.method === 'GET' && (request.url ?? '').startsWith('/mcp');
    if (!isStream) {
      this.inFlight.add(response);
      response.on('close', () => {
        this.inFlight.delete(response);
        if (this.stopping) request.socket.destroySoon();
      });
    }
    try {
      await this.route(request, response);
    } catch (error) {
      if (!(error instanceof HttpError)) this.log.error('http request failed', { error: error as Error });
      const { status, body, headers } =
        error instanceof HttpError ? error : new HttpError(500, errorResponse(null, INTERNAL_ERROR, 'Internal error'));
      if (status >= 400 && status < 500) this.metrics.protocolErrors.increment({ transport: 'http' });
      if (response.headersSent) response.destroy();
      else response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(`${body}\n`);
    }
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0];
    if (path === '/mcp') {
      await this.mcp(request, response);
      return;
    }
    if (path !== '/healthz' && path !== '/readyz' && path !== '/metrics') throw new HttpError(404, '{"error":"not found"}');
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new HttpError(405, '{"error":"method not allowed"}', { Allow: 'GET, HEAD' });
    if (path === '/metrics') {
      const text = await this.probes.metricsText();
      response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
      return;
    }
    const reason = path === '/readyz' ? await this.probes.readiness() : undefined;
    const body =
      path === '/healthz'
        ? { status: 'ok', name: SERVER_NAME, version: VERSION, uptime_seconds: Math.floor(process.uptime()) }
        : { status: reason === undefined ? 'ready' : 'unavailable', version: VERSION, ...(reason === undefined ? {} : { reason }) };
    response
      .writeHead(reason === undefined ? 200 : 503, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
      .end(`${JSON.stringify(body)}\n`);
  }

  /** Refuses foreign origins, which protects servers on a desk from web pages, and answers preflights. */
  private cors(request: IncomingMessage, response: ServerResponse): boolean {
    const { ENABLE_CORS, ALLOWED_ORIGINS } = this.settings();
    const origin = request.headers.origin;
    if (origin !== undefined) {
      const allowed = ENABLE_CORS && (ALLOWED_ORIGINS.includes(origin) || ALLOWED_ORIGINS.includes('*'));
      if (!allowed) throw new HttpError(403, errorResponse(null, INVALID_REQUEST, 'Origin not allowed'), { Vary: 'Origin' });
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Access-Control-Expose-Headers', 'Mcp-Session-Id');
      response.setHeader('Vary', 'Origin');
    }
    if (request.method !== 'OPTIONS') return false;
    if (origin !== undefined) {
      response.setHeader('Access-Control-Allow-Methods', 'GET, POST, DELETE, OPTIONS');
      response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type, Accept, Mcp-Session-Id, Mcp-Protocol-Version, Last-Event-Id');
      response.setHeader('Access-Control-Max-Age', '600');
    }
    response.writeHead(204).end();
    return true;
  }

  private authenticate(request: IncomingMessage): string | undefined {
    const { JWT_SECRET, HTTP_REQUIRE_AUTH } = this.settings();
    const header = request.headers.authorization;
    const refuse = (reason: string): HttpError =>
      new HttpError(401, errorResponse(null, INVALID_REQUEST, `Unauthorized: ${reason}`), { 'WWW-Authenticate': 'Bearer' });
    if (header === undefined) {
      if (HTTP_REQUIRE_AUTH) throw refuse('a bearer token is required');
      return undefined;
    }
    const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
    if (token === undefined) throw refuse('expected a bearer token');
    try {
      return verifyToken(token, JWT_SECRET);
    } catch (error) {
      throw error instanceof TokenError ? refuse(error.message) : error;
    }
  }

  private async mcp(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.cors(request, response)) return;
    const user = this.authenticate(request);
    const body = request.method === 'POST' ? await this.readJson(request) : undefined;
    const header = request.headers['mcp-session-id'];
    const id = Array.isArray(header) ? header[0] : header;
    let session: HttpSession | undefined;
    if (id !== undefined) {
      session = this.sessions.get(id);
      // 404 tells the client to initialise anew; another user's session looks the same.
      if (session === undefined || session.user !== user) throw new HttpError(404, errorResponse(null, -32001, 'Session not found'));
      session.lastUsed = Date.now();
    } else if (request.method === 'POST' && isInitializeRequest(body)) {
      session = await this.openSession(user);
    } else {
      throw new HttpError(400, errorResponse(null, INVALID_REQUEST, 'Invalid Request: no Mcp-Session-Id, and not an initialize request'));
    }
    await session.transport.handleRequest(request, response, body);
  }

  private async openSession(user: string | undefined): Promise<HttpSession> {
    if (this.stopping) throw new HttpError(503, errorResponse(null, INTERNAL_ERROR, 'stopping'), { 'Retry-After': '5' });
    // Clients that never close theirs must not lock others out; whoever loses a
    // session here gets a 404 and initialises anew.
    if (this.sessions.size >= MAX_SESSIONS) {
      const [longestIdle] = [...this.sessions.values()].sort((a, b) => a.lastUsed - b.lastUsed);
      await longestIdle?.transport.close();
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: true,
      onsessioninitialized: (id) => {
        this.sessions.set(id, session);
      },
    });
    const session: HttpSession = { transport, user, lastUsed: Date.now() };
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- see the import
    const server = new McpServer({ name: SERVER_NAME, version: VERSION }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: this.tools.list() }));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
      if (!this.tools.has(params.name)) throw new McpError(ErrorCode.InvalidParams, `unknown tool ${params.name}`);
      return toCallResult(await this.tools.call(params.name, params.arguments, { transport: 'http', user }));
    });
    server.onerror = (error) => {
      this.log.debug('mcp session', { error });
    };
    server.onclose = () => {
      if (transport.sessionId !== undefined) this.sessions.delete(transport.sessionId);
    };
    // The SDK's optional members are not written for exactOptionalPropertyTypes.
    await server.connect(transport as Transport);
    return session;
  }

  private async readJson(request: IncomingMessage): Promise<unknown> {
    const pieces: Buffer[] = [];
    let length = 0;
    for await (const data of request) {
      const piece = data as Buffer;
      length += piece.length;
      if (length > MAX_BODY) {
        throw new HttpError(413, errorResponse(null, INVALID_REQUEST, `Invalid Request: longer than ${MAX_BODY} bytes`), { Connection: 'close' });
      }
      pieces.push(piece);
    }
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces, length)));
    } catch {
      throw new HttpError(400, errorResponse(null, PARSE_ERROR, 'Parse error'));
    }
  }
}
