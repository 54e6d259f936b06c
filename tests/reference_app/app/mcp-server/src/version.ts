import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** Of package.json, the one place that says it. */
export const VERSION = manifest.version;
export const SERVER_NAME = 'aidis-mcp-server';
