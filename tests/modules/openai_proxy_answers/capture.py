#!/usr/bin/env python3
"""Asks a llama.cpp server the same twice, once for a stream, and keeps both answers as NAME.stream and
NAME.json: what test_openai_proxy_assemble.c puts together from the one must be the other.

Usage: capture.py http://127.0.0.1:PORT [NAME…]
The server is to have some small model and `--chat-template-file tools.jinja`: one that would call no
tool and think nothing on its own does as the examples before the question do.
"""
import json
import os
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "capital",
        "schema": {
            "type": "object",
            "properties": {"capital": {"enum": ["Paris", "Rome"]}, "sure": {"type": "boolean"}},
            "required": ["capital", "sure"],
            "additionalProperties": False,
        },
    },
}


def say(text):
    return [{"role": "user", "content": text}]


CAPITAL = say("What is the capital of France?")
FIRE = say("Repeat exactly: \U0001f525 \U0001f389 \"quoted\" back\\slash ä漢")



def call(number, city):
    return {
        "id": f"c{number}",
        "type": "function",
        "function": {"name": "get_weather", "arguments": json.dumps({"city": city})},
    }


def weather(cities):
    """Questions with the right calls as answers, and one question more."""
    messages = []
    for i in range(4):
        names = cities[i % 2]
        messages += say(f"What is the weather in {' and '.join(names)}?")
        messages.append({
            "role": "assistant", "content": "",
            "tool_calls": [call(10 * i + j, city) for j, city in enumerate(names)]})
    return messages + say(f"What is the weather in {' and '.join(cities[0])}?")


ONE_CALL = {"messages": weather([["Rome"], ["Paris"]]), "tools": [TOOL]}
TWO_CALLS = {"messages": weather([["Rome", "Paris"], ["Paris", "Rome"]]), "tools": [TOOL],
             "parallel_tool_calls": True, "max_tokens": 80}

THOUGHTS = []
for country, capital in ("Italy", "Rome"), ("Spain", "Madrid"), ("Japan", "Tokyo"):
    THOUGHTS += say(f"What is the capital of {country}?")
    THOUGHTS.append({"role": "assistant", "reasoning_content": "That is easy.",
                     "content": f"It is {capital}."})
THOUGHTS += CAPITAL
THINK = {"messages": THOUGHTS, "chat_template_kwargs": {"enable_thinking": True}}

# Where an answer with logprobs ends on its own, or at a stop word, the stream tells of other tokens than the
# whole answer; so such requests are not turned into streams, and only those that are cut short are here.
CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"
REQUESTS = {
    "chat_plain": (CHAT, {"messages": CAPITAL}),
    "chat_length": (CHAT, {"messages": CAPITAL, "max_tokens": 3}),
    "chat_one_token": (CHAT, {"messages": CAPITAL, "max_tokens": 1}),
    "chat_stop_word": (CHAT, {"messages": CAPITAL, "stop": [" of"]}),
    "chat_stop_at_once": (CHAT, {"messages": CAPITAL, "stop": ["The"]}),
    "chat_logprobs": (CHAT, {"messages": CAPITAL, "logprobs": True, "top_logprobs": 2, "max_tokens": 4}),
    "chat_max_zero": (CHAT, {"messages": CAPITAL, "max_tokens": 0}),
    "chat_logprobs_stop": (
        CHAT, {"messages": CAPITAL, "logprobs": True, "top_logprobs": 1, "stop": [" France"]}),
    "chat_two": (CHAT, {"messages": CAPITAL, "n": 2, "max_tokens": 6}),
    # One of them comes to the word, the other one does not.
    "chat_two_lengths": (CHAT, {"messages": say("Say something short."), "n": 2, "max_tokens": 12,
                                "temperature": 1.5, "stop": [" often"]}),
    "chat_two_lengths_other": (
        CHAT, {"messages": say("Say something short."), "n": 2, "max_tokens": 12,
               "temperature": 1.5, "stop": [" share"]}),
    "chat_two_logprobs": (CHAT, {"messages": CAPITAL, "n": 2, "max_tokens": 2, "logprobs": True,
                                "top_logprobs": 1}),
    "chat_schema": (CHAT, {"messages": CAPITAL, "max_tokens": 24, "response_format": SCHEMA}),
    "chat_json_object": (
        CHAT, {"messages": CAPITAL, "response_format": {"type": "json_object"}, "max_tokens": 12}),
    "chat_tool_choice": (
        CHAT, {"messages": CAPITAL, "tools": [TOOL], "tool_choice": "required", "max_tokens": 12}),
    "chat_tools_unused": (CHAT, {"messages": CAPITAL, "tools": [TOOL], "max_tokens": 10}),
    "chat_tool_call": (CHAT, ONE_CALL),
    "chat_tool_call_cut": (CHAT, {**ONE_CALL, "max_tokens": 18}),
    "chat_tool_calls": (CHAT, TWO_CALLS),
    "chat_tool_calls_two": (CHAT, {**TWO_CALLS, "n": 2}),
    "chat_reasoning": (CHAT, THINK),
    "chat_reasoning_cut": (CHAT, {**THINK, "max_tokens": 3}),
    "chat_reasoning_inline": (CHAT, {**THINK, "reasoning_format": "none"}),
    "chat_unicode": (CHAT, {"messages": FIRE, "max_tokens": 16}),
    "chat_timings": (CHAT, {"messages": CAPITAL, "max_tokens": 4, "timings_per_token": True}),
    "chat_progress": (CHAT, {"messages": CAPITAL, "max_tokens": 4, "return_progress": True}),
    "chat_tokens": (CHAT, {"messages": CAPITAL, "max_tokens": 4, "return_tokens": True}),
    "completion_plain": (COMPLETION, {"prompt": "Once upon a time", "max_tokens": 8}),
    "completion_stop": (
        COMPLETION, {"prompt": "The capital of France is", "max_tokens": 20, "stop": ["."]}),
    "completion_logprobs": (
        COMPLETION, {"prompt": "Once upon a time", "max_tokens": 4, "logprobs": 2}),
    "completion_stop_at_once": (
        COMPLETION, {"prompt": "The capital of France is", "max_tokens": 20, "stop": [" Paris"]}),
    "completion_max_zero": (COMPLETION, {"prompt": "The capital of France is", "max_tokens": 0}),
    "completion_echo": (
        COMPLETION, {"prompt": "Once upon a time", "max_tokens": 4, "echo": True, "logprobs": 1}),
    "completion_two": (COMPLETION, {"prompt": "Once upon a time", "max_tokens": 4, "n": 2}),
    "completion_prompts": (
        COMPLETION, {"prompt": ["Once upon a time", "The capital of France is"], "max_tokens": 4}),
}


def fetch(url, path, body):
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def main():
    url, names = sys.argv[1], sys.argv[2:] or REQUESTS
    for name in names:
        path, body = REQUESTS[name]
        # What the cache had would differ between the two.
        body = {"temperature": 0, **body, "seed": 7, "cache_prompt": False, "model": "small"}
        body.setdefault("max_tokens", 40)
        body.setdefault("chat_template_kwargs", {"enable_thinking": False})
        plain = fetch(url, path, body)
        streamed = fetch(
            url, path, {**body, "stream": True, "stream_options": {"include_usage": True}})
        print(name, plain[0], len(plain[1]), streamed[0], len(streamed[1]))
        if plain[0] != 200 or streamed[0] != 200:
            print("  refused:", plain[1][:200], streamed[1][:200])
            continue
        for ending, text in ("json", plain[1]), ("stream", streamed[1]):
            with open(os.path.join(HERE, f"{name}.{ending}"), "wb") as f:
                f.write(text)


if __name__ == "__main__":
    main()
