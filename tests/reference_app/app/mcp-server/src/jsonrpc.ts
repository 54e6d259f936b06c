import { LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import type { Caller, Outcome, Tools } from './tools.js';
import { SERVER_NAME, VERSION } from './version.js';

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** Of the range JSON-RPC leaves to servers: the tool ran and failed. */
export const TOOL_FAILED = -32000;

const MAX_BATCH = 100;

type Id = string | number | null;
type Message = Readonly<Record<string, unknown>>;

class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message);
  }
}

function isObject(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function errorBody(error: RpcError): object {
  return { code: error.code, message: error.message, ...(error.data === undefined ? {} : { data: error.data }) };
}

export function errorResponse(id: Id, code: number, message: string): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } });
}

/** MCP's shape of an outcome: a failed tool is a result that says so. */
export function toCallResult(outcome: Outcome): { content: { type: 'text'; text: string }[]; structuredContent: Record<string, unknown>; isError?: true } {
  if (outcome.ok) {
    return { content: [{ type: 'text', text: JSON.stringify(outcome.result) }], structuredContent: { ...outcome.result } };
  }
  const { code, message } = outcome;
  return { content: [{ type: 'text', text: message }], structuredContent: { error: { code, message } }, isError: true };
}

/**
 * JSON-RPC 2.0 as the line transport speaks it: the methods of MCP, each tool as
 * a method of its own, and the short form {"method":"project_list"} of the
 * deployment guide (no jsonrpc member), which is answered with
 * {"method":…,"result":…} or {"method":…,"error":…}.
 */
export class JsonRpc {
  constructor(
    private readonly tools: Tools,
    private readonly caller: Caller,
    private readonly onProtocolError: () => void = () => undefined,
  ) {}

  /** @returns the line to answer with; undefined when nothing is to be said */
  async handle(text: string): Promise<string | undefined> {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      this.onProtocolError();
      return errorResponse(null, PARSE_ERROR, 'Parse error');
    }
    if (!Array.isArray(message)) {
      const answer = await this.one(message);
      return answer === undefined ? undefined : JSON.stringify(answer);
    }
    if (message.length === 0 || message.length > MAX_BATCH) {
      this.onProtocolError();
      return errorResponse(null, INVALID_REQUEST, `Invalid Request: a batch holds 1 to ${MAX_BATCH} messages`);
    }
    const answers = (await Promise.all(message.map((item) => this.one(item)))).filter((answer) => answer !== undefined);
    return answers.length === 0 ? undefined : JSON.stringify(answers);
  }

  private async one(message: unknown): Promise<object | undefined> {
    if (isObject(message) && !('jsonrpc' in message) && typeof message['method'] === 'string' && this.tools.has(message['method'])) {
      return this.shortForm(message, message['method']);
    }
    const problem = this.problemOf(message);
    if (problem !== undefined) {
      this.onProtocolError();
      // An id is given back where one could be made out.
      const id = isObject(message) && (typeof message['id'] === 'string' || typeof message['id'] === 'number') ? message['id'] : null;
      return { jsonrpc: '2.0', id, error: { code: INVALID_REQUEST, message: `Invalid Request: ${problem}` } };
    }
    const request = message as Message;
    // A response to a request this server never made.
    if (!('method' in request)) return undefined;
    const isNotification = !('id' in request);
    const id = (request['id'] ?? null) as Id;
    try {
      const result = await this.dispatch(String(request['method']), request['params']);
      return isNotification ? undefined : { jsonrpc: '2.0', id, result };
    } catch (error) {
      if (isNotification) return undefined;
      const failure = error instanceof RpcError ? error : new RpcError(INTERNAL_ERROR, 'Internal error');
      return { jsonrpc: '2.0', id, error: errorBody(failure) };
    }
  }

  private problemOf(message: unknown): string | undefined {
    if (!isObject(message)) return 'a message is an object';
    if (message['jsonrpc'] !== '2.0') return 'jsonrpc must be "2.0" (without it only names of tools are answered)';
    const id = message['id'];
    if ('id' in message && id !== null && typeof id !== 'string' && typeof id !== 'number') return 'id must be a string or a number';
    if (!('method' in message) && ('result' in message || 'error' in message)) return undefined;
    if (typeof message['method'] !== 'string') return 'method must be a string';
    const params = message['params'];
    if ('params' in message && !isObject(params) && !Array.isArray(params)) return 'params must be an object or an array';
    return undefined;
  }

  private async shortForm(message: Message, method: string): Promise<object> {
    const echo = 'id' in message ? { id: message['id'], method } : { method };
    try {
      return { ...echo, result: await this.callTool(method, message['params']) };
    } catch (error) {
      return { ...echo, error: errorBody(error instanceof RpcError ? error : new RpcError(INTERNAL_ERROR, 'Internal error')) };
    }
  }

  private async dispatch(method: string, params: unknown): Promise<object> {
    switch (method) {
      case 'initialize':
        return this.initialize(params);
      case 'ping':
        // MCP's own, which comes before the tool of that name.
        return {};
      case 'tools/list':
        this.requireNamed(params);
        return { tools: this.tools.list() };
      case 'tools/call':
        return this.callByName(params);
      default:
        if (method.startsWith('notifications/')) return {};
        if (!this.tools.has(method)) throw new RpcError(METHOD_NOT_FOUND, `Method not found: ${method}`);
        return this.callTool(method, params);
    }
  }

  private requireNamed(params: unknown): Message {
    if (params === undefined) return {};
    if (!isObject(params)) throw new RpcError(INVALID_PARAMS, 'Invalid params: expected an object');
    return params;
  }

  private initialize(given: unknown): object {
    const params = this.requireNamed(given);
    const wanted = params['protocolVersion'];
    if (typeof wanted !== 'string') throw new RpcError(INVALID_PARAMS, 'Invalid params: protocolVersion must be a string');
    return {
      protocolVersion: SUPPORTED_PROTOCOL_VERSIONS.includes(wanted) ? wanted : LATEST_PROTOCOL_VERSION,
      capabilities: { tools: { listChanged: false } },
      serverInfo: { name: SERVER_NAME, version: VERSION },
    };
  }

  private async callByName(given: unknown): Promise<object> {
    const params = this.requireNamed(given);
    const name = params['name'];
    const args = params['arguments'];
    if (typeof name !== 'string') throw new RpcError(INVALID_PARAMS, 'Invalid params: name must be a string');
    if (!this.tools.has(name)) throw new RpcError(INVALID_PARAMS, `Invalid params: unknown tool ${name}`);
    if (args !== undefined && !isObject(args)) throw new RpcError(INVALID_PARAMS, 'Invalid params: arguments must be an object');
    return toCallResult(await this.tools.call(name, args, this.caller));
  }

  private async callTool(name: string, params: unknown): Promise<object> {
    const outcome = await this.tools.call(name, this.requireNamed(params), this.caller);
    if (outcome.ok) return outcome.result;
    if (outcome.badArguments) throw new RpcError(INVALID_PARAMS, `Invalid params: ${outcome.message}`);
    throw new RpcError(TOOL_FAILED, outcome.message, { code: outcome.code });
  }
}
