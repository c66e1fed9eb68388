"""Requests to Bedrock as AWS's own library sees them: botocore signs what came once more, its model of the service
accepts the body, and its reader takes the stream that the fake service sends."""

import json

import anthropic
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.eventstream
import botocore.loaders
import botocore.model
import botocore.validate
import openai
import pytest

import bedrock
from bedrock import KEY_ID, REGION, SECRET, TOKEN, WITH_TOKEN, entry, runtime
from harness import config, status

CONVERSE = botocore.model.ServiceModel(
    botocore.loaders.Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime") \
    .operation_model("Converse").input_shape
TOOL = {"name": "get_weather", "description": "Weather of a city", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


def signature_by_botocore(request) -> str:
    names = request.header("authorization").split("SignedHeaders=")[1].split(",")[0].split(";")
    told = botocore.awsrequest.AWSRequest(
        request.method, f"http://{request.header('host')}{request.target}",
        {name: request.header(name) for name in names}, request.body)
    told.context["timestamp"] = request.header("x-amz-date")
    key = botocore.credentials.Credentials(KEY_ID, SECRET, TOKEN)
    signer = botocore.auth.SigV4Auth(key, "bedrock", REGION)
    return signer.signature(signer.string_to_sign(told, signer.canonical_request(told)), told)


def accepted(request):
    """The body is one of Converse, as its published model has it; blobs are base64 on the wire."""
    body = {"modelId": "m", **request.json}
    report = botocore.validate.ParamValidator().validate(body, CONVERSE)
    assert not report.has_errors(), report.generate_report()


def service(**more):
    checks = runtime(token=TOKEN, **more)

    def answer(connection, request):
        assert request.header("authorization").endswith("Signature=" + signature_by_botocore(request))
        accepted(request)
        checks(connection, request)
    return answer


@pytest.fixture
def place(start, upstream):
    there = upstream(service(events=bedrock.tool_events()))
    daemon = start(config(upstream(status(503)), entry(there, "backup", model="eu.anthropic.claude-sonnet-4-5")),
                   env=WITH_TOKEN)
    return daemon, there


def test_what_the_fake_service_sends_is_what_awss_reader_takes():
    reader = botocore.eventstream.EventStreamBuffer()
    reader.add_data(b"".join(bedrock.tool_events() + [bedrock.exception("throttlingException", "Slow")]))
    kinds = [one.headers.get(":event-type") or one.headers[":exception-type"] for one in reader]
    assert kinds[0] == "messageStart" and kinds[-2:] == ["metadata", "throttlingException"]


def test_anthropics_library_makes_a_round_with_tools(place):
    daemon, there = place
    client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{daemon.port}", api_key="k", max_retries=0)
    asked = [{"role": "user", "content": "Weather in Oslo?"}]
    ask = dict(model="claude-m", max_tokens=2048, tools=[TOOL], system="Be brief.")
    with client.messages.stream(messages=asked, **ask) as stream:
        told = stream.get_final_message()
    calls = [block for block in told.content if block.type == "tool_use"]
    assert told.stop_reason == "tool_use" and calls[0].input == {"city": "Oslo"} and calls[1].input == {}
    assert told.usage.output_tokens == 5
    history = [*asked, {"role": "assistant", "content": [block.model_dump() for block in told.content]},
               {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "cold"}
                                            for call in calls]}]
    assert client.messages.create(messages=history, **ask).content[0].text == "It works."
    assert len(there.requests) == 2


def test_openais_library_reads_an_answer_and_a_stream(place):
    daemon, there = place
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{daemon.port}/v1", api_key="k", max_retries=0)
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Oslo?"}]
    told = client.chat.completions.create(model="m", messages=asked, temperature=0.3, stop=["END"])
    assert told.choices[0].message.content == "It works." and told.usage.prompt_tokens == 16
    pieces = list(client.chat.completions.create(model="m", messages=asked, stream=True))
    text = "".join(one.choices[0].delta.content or "" for one in pieces if one.choices)
    assert text == "Checking." and pieces[-1].choices[0].finish_reason == "tool_calls"
    assert json.loads(there.requests[0].body)["system"] == [{"text": "Be brief."}]
