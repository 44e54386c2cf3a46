// node engine.mjs MODEL.gguf decode|prefill TOKENS CONTEXT THREADS [STATE]: times the prebuilt llama.cpp and prints one line of JSON.
//
// decode: TOKENS greedy tokens after CONTEXT others and four that are not counted. prefill: a prompt of TOKENS tokens to the first choice.
// STATE keeps the sequence after CONTEXT tokens between runs, so that a long context is read once.
import {existsSync, readFileSync} from "node:fs";
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const WARM_UP = 4;
const [modelPath, test, tokensText, contextText, threadsText, statePath] = process.argv.slice(2);
const [tokens, context, threads] = [tokensText, contextText, threadsText].map(Number);
const seconds = () => Number(process.hrtime.bigint()) / 1e9;

const backends = [];
const llama = await getLlama({
    gpu: false,
    build: "never",
    maxThreads: threads,
    logLevel: LlamaLogLevel.debug,
    logger: (level, message) => {
        if (/load_backend|system_info/.test(message)) backends.push(message.trim());
        if (level === LlamaLogLevel.error || level === LlamaLogLevel.fatal) console.error(message);
    }
});
const began = seconds();
const model = await llama.loadModel({modelPath, gpuLayers: 0});
const size = (test === "decode" ? context + tokens + 2 * WARM_UP : tokens) + 16;
const llamaContext = await model.createContext({contextSize: size, batchSize: 512, threads: {ideal: threads, min: threads}, sequences: 1});
const sequence = llamaContext.getSequence();
const load = seconds() - began;

// Ordinary tokens: those below 300 are bytes, the last thousand may end a text.
const prompt = (count, salt) => Array.from({length: count}, (_, i) => 300 + ((i * 7919 + salt * 104729) % 190_000));

async function generate(start, count) {
    const times = [];
    let last = start;
    for await (const token of sequence.evaluate(start, {temperature: 0, yieldEogToken: true})) {
        times.push(seconds());
        last = [token];
        if (times.length >= count) break;
    }
    if (times.length < count) throw new Error(`only ${times.length} of ${count} tokens were generated`);
    return {times, last};
}

let took;
if (test === "decode") {
    if (context > 0 && statePath != null && existsSync(statePath)) {
        await sequence.loadStateFromFile(statePath, {acceptRisk: true});
    } else if (context > 0) {
        await sequence.evaluateWithoutGeneratingNewTokens(prompt(context, 0));
        if (statePath != null) await sequence.saveStateToFile(statePath);
    }
    if (sequence.nextTokenIndex !== context) throw new Error(`the context has ${sequence.nextTokenIndex} tokens instead of ${context}`);
    const {times} = await generate(prompt(1, 1), WARM_UP + tokens);
    took = times.slice(WARM_UP).map((time, i) => time - times[WARM_UP + i - 1]);
} else {
    await generate(prompt(8, 1), 1); // the first call makes working memory
    await sequence.clearHistory();
    const start = seconds();
    const {times} = await generate(prompt(tokens, 2), 1);
    took = [times[0] - start];
}
const status = readFileSync("/proc/self/status", "utf8");
const bytes = (key) => 1024 * Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)[1]);
console.log(JSON.stringify({
    load,
    seconds: took,
    resident: bytes("VmRSS"),
    peak: bytes("VmHWM"),
    anonymous: bytes("RssAnon"),
    about: [...new Set(backends)].join("; ")
}));
process.exit(0);
