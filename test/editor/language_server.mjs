// A client of `yaml-language-server --stdio`: just enough of LSP to open files and ask about them.
import {spawn} from 'node:child_process';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';

const require = createRequire(import.meta.url);
const SERVER = join(dirname(require.resolve('yaml-language-server/package.json')), 'bin', 'yaml-language-server');
const ANSWER_LIMIT_MS = 60_000;  // only so that a server that hangs fails the test

export class LanguageServer {
  #process;
  #buffer = Buffer.alloc(0);
  #nextId = 1;
  #answers = new Map();      // request id -> {resolve, reject}
  #diagnostics = new Map();  // uri -> function that takes the first diagnostics published for it
  #settings;

  /// `schemaUri` is applied to every file; a file's own modeline is not needed.
  static async start(schemaUri) {
    const server = new LanguageServer();
    server.#settings = {validate: true, hover: true, completion: true, schemaStore: {enable: false},
                        schemas: {[schemaUri]: ['*.yaml']}};
    server.#process = spawn(process.execPath, [SERVER, '--stdio'], {stdio: ['pipe', 'pipe', 'inherit']});
    server.#process.stdout.on('data', (chunk) => server.#receive(chunk));
    server.#process.on('exit', (code) => server.#fail(new Error(`the language server ended with code ${code}`)));
    await server.request('initialize', {
      processId: process.pid, rootUri: null,
      capabilities: {workspace: {configuration: true},
                     textDocument: {hover: {contentFormat: ['markdown']},
                                    completion: {completionItem: {snippetSupport: true}}}}});
    server.notify('initialized', {});
    server.notify('workspace/didChangeConfiguration', {settings: {yaml: server.#settings}});
    return server;
  }

  /// Opens a document and resolves with its diagnostics.
  open(uri, text) {
    const published = this.#within(`diagnostics of ${uri}`, (resolve) => this.#diagnostics.set(uri, resolve));
    this.notify('textDocument/didOpen', {textDocument: {uri, languageId: 'yaml', version: 1, text}});
    return published;
  }

  request(method, params) {
    const id = this.#nextId++;
    const answer = this.#within(method, (resolve, reject) => this.#answers.set(id, {resolve, reject}));
    this.#send({id, method, params});
    return answer;
  }

  notify(method, params) { this.#send({method, params}); }

  async stop() {
    this.#process.removeAllListeners('exit');
    await this.request('shutdown', null);
    this.notify('exit', null);
  }

  kill() { this.#process.kill('SIGKILL'); }

  #within(what, start) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer: ${what}`)), ANSWER_LIMIT_MS);
      start((value) => { clearTimeout(timer); resolve(value); }, (error) => { clearTimeout(timer); reject(error); });
    });
  }

  #send(message) {
    const body = Buffer.from(JSON.stringify({jsonrpc: '2.0', ...message}));
    this.#process.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.#process.stdin.write(body);
  }

  #receive(chunk) {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const end = this.#buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#buffer.subarray(0, end).toString())[1]);
      if (this.#buffer.length < end + 4 + length) return;
      const message = JSON.parse(this.#buffer.subarray(end + 4, end + 4 + length).toString());
      this.#buffer = this.#buffer.subarray(end + 4 + length);
      this.#handle(message);
    }
  }

  #handle(message) {
    if (message.method === 'textDocument/publishDiagnostics') {
      const {uri, diagnostics} = message.params;
      this.#diagnostics.get(uri)?.(diagnostics);
      this.#diagnostics.delete(uri);
    } else if (message.method === 'workspace/configuration') {
      const sections = message.params.items.map((item) => (item.section === 'yaml' ? this.#settings : null));
      this.#send({id: message.id, result: sections});
    } else if (message.method && message.id !== undefined) {
      this.#send({id: message.id, result: null});
    } else if (this.#answers.has(message.id)) {
      const {resolve, reject} = this.#answers.get(message.id);
      this.#answers.delete(message.id);
      message.error ? reject(new Error(message.error.message)) : resolve(message.result);
    }
  }

  #fail(error) {
    for (const {reject} of this.#answers.values()) reject(error);
    this.#answers.clear();
  }
}
