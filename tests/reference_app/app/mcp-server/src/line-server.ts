import { createServer, type Server, type Socket } from 'node:net';
import { errorResponse, INVALID_REQUEST, JsonRpc, PARSE_ERROR } from './jsonrpc.js';
import type { Log } from './log.js';
import type { Metrics } from './metrics.js';
import type { Tools } from './tools.js';

/** Longest line, in bytes without its end. */
export const MAX_LINE = 1024 * 1024;
const MAX_CONNECTIONS = 1024;
const NEWLINE = 0x0a;

/**
 * Newline-delimited JSON over TCP. The requests of one connection are answered
 * in their order, one after the other: what has no id can be told apart by
 * position alone, and a client that sends faster than it is served is slowed
 * down by TCP instead of filling memory.
 */
export class LineServer {
  private readonly server: Server;
  private readonly connections = new Map<Socket, Connection>();
  private stopping = false;

  constructor(
    private readonly tools: Tools,
    private readonly metrics: Metrics,
    private readonly log: Log,
    private readonly idleTimeout: () => number,
  ) {
    // Half open: `echo … | nc` closes its side before it has read the answer.
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.accept(socket);
    });
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  async listen(port: number, host: string | undefined): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.server.off('error', reject);
        this.server.on('error', (error) => {
          this.log.error('line listener', { error });
        });
        resolve();
      });
    });
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Takes no more connections or requests; resolves when those begun are answered. */
  async stop(): Promise<void> {
    this.stopping = true;
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    for (const connection of this.connections.values()) connection.finish();
    await closed;
  }

  /** For those that did not end in time. */
  destroyAll(): void {
    for (const socket of this.connections.keys()) socket.destroy();
  }

  private accept(socket: Socket): void {
    const rpc = new JsonRpc(this.tools, { transport: 'lines' }, () => {
      this.metrics.protocolErrors.increment({ transport: 'lines' });
    });
    const connection = new Connection(socket, rpc, this.log, () => {
      this.metrics.protocolErrors.increment({ transport: 'lines' });
    });
    this.connections.set(socket, connection);
    socket.setNoDelay(true);
    socket.setTimeout(this.idleTimeout());
    socket.on('timeout', () => {
      // Waiting for an answer is not being idle.
      if (!connection.busy) socket.destroy();
    });
    socket.on('error', (error) => {
      this.log.debug('line connection', { error });
    });
    socket.on('close', () => this.connections.delete(socket));
    if (this.stopping) socket.destroy();
    else void connection.run();
  }
}

class Connection {
  busy = false;
  private finishing = false;

  constructor(
    private readonly socket: Socket,
    private readonly rpc: JsonRpc,
    private readonly log: Log,
    private readonly onProtocolError: () => void,
  ) {}

  async run(): Promise<void> {
    // Bytes, not text: a character may be split between two packets.
    let pieces: Buffer[] = [];
    let length = 0;
    try {
      // Left alone at the end: the answer to the last line is still to be written.
      for await (const data of this.socket.iterator({ destroyOnReturn: false })) {
        let chunk = data as Buffer;
        for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE)) {
          pieces.push(chunk.subarray(0, end));
          length += end;
          if (length > MAX_LINE) {
            await this.refuseLong();
            return;
          }
          await this.answer(Buffer.concat(pieces, length));
          if (this.finishing) return;
          pieces = [];
          length = 0;
          chunk = chunk.subarray(end + 1);
        }
        if (chunk.length > 0) {
          pieces.push(chunk);
          length += chunk.length;
        }
        if (length > MAX_LINE) {
          await this.refuseLong();
          return;
        }
      }
      // A last line without its end, from a client that then closed its side.
      if (length > 0) await this.answer(Buffer.concat(pieces, length));
    } catch (error) {
      this.log.debug('line connection ended', { error: error as Error });
    } finally {
      this.socket.end();
      // Whoever does not close their side after ours is not waited for.
      this.socket.setTimeout(1000, () => this.socket.destroy());
    }
  }

  /** Ends after the answer being worked on, at once when there is none. */
  finish(): void {
    this.finishing = true;
    if (!this.busy) {
      this.socket.end();
      this.socket.destroySoon();
    }
  }

  private async refuseLong(): Promise<void> {
    this.onProtocolError();
    await this.write(errorResponse(null, INVALID_REQUEST, `Invalid Request: a line is longer than ${MAX_LINE} bytes`));
  }

  private async answer(line: Buffer): Promise<void> {
    this.busy = true;
    try {
      let text: string;
      try {
        text = new TextDecoder('utf-8', { fatal: true }).decode(line);
      } catch {
        this.onProtocolError();
        await this.write(errorResponse(null, PARSE_ERROR, 'Parse error: not UTF-8'));
        return;
      }
      if (text.trim() === '') return;
      const response = await this.rpc.handle(text);
      if (response !== undefined) await this.write(response);
    } finally {
      this.busy = false;
    }
  }

  private async write(line: string): Promise<void> {
    if (this.socket.destroyed) return;
    // A reader that does not read is cut off by the idle timeout.
    if (!this.socket.write(`${line}\n`)) {
      this.busy = false;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.socket.off('drain', done);
          this.socket.off('close', done);
          resolve();
        };
        this.socket.on('drain', done);
        this.socket.on('close', done);
      });
    }
  }
}
