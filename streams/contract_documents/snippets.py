"""Code that writes events and reads answers, for the page and the documents, where tests run it. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Snippet(NamedTuple):
    """`language` as Markdown has it."""

    name: str
    language: str
    text: str


PYTHON_PRODUCER = """\
from confluent_kafka import Producer

producer = Producer({"bootstrap.servers": "127.0.0.1:9092", "enable.idempotence": True})
producer.produce("events", key="anna", value='{"id": "e-1", "features": {"calls": 3.2, "minutes": 0.4}}')
producer.flush()
"""

PYTHON_CLOUD_EVENT = """\
from confluent_kafka import Producer

attributes = {"specversion": "1.0", "id": "e-2", "source": "/crm", "type": "customer.updated"}
headers = [("content-type", b"application/json"), *((f"ce_{name}", text.encode()) for name, text in attributes.items())]
producer = Producer({"bootstrap.servers": "127.0.0.1:9092", "enable.idempotence": True})
producer.produce("events", key="anna", value='{"features": {"calls": 3.2, "minutes": 0.4}}', headers=headers)
producer.flush()
"""

PYTHON_CONSUMER = """\
from confluent_kafka import Consumer

consumer = Consumer(
    {
        "bootstrap.servers": "127.0.0.1:9092",
        "group.id": "my-service",
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
    }
)
consumer.subscribe(["predictions"])
while True:
    message = consumer.poll(1.0)
    if message is not None and message.error() is None:
        print(message.key(), message.value())
"""

JAVA_PRODUCER = """\
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

class Produce {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", "127.0.0.1:9092", "enable.idempotence", true);
        String event = \"\"\"
            {"id": "e-1", "features": {"calls": 3.2, "minutes": 0.4}}\"\"\";
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>("events", "anna", event)).get();
        }
    }
}
"""

JAVA_CONSUMER = """\
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

class Consume {
    public static void main(String[] arguments) {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", "127.0.0.1:9092",
            "group.id", "my-service",
            "isolation.level", "read_committed",
            "auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("predictions"));
            while (true) {
                for (var each : consumer.poll(Duration.ofSeconds(1))) {
                    System.out.println(each.key() + " " + each.value());
                }
            }
        }
    }
}
"""

KCAT_PRODUCER = """\
echo '{"id": "e-1", "features": {"calls": 3.2, "minutes": 0.4}}' | kcat -b 127.0.0.1:9092 -t events -P -k anna
"""

KCAT_CONSUMER = """\
kcat -b 127.0.0.1:9092 -t predictions -C -u -o beginning -X isolation.level=read_committed -f '%k %s\\n'
"""

PRODUCERS = (
    Snippet("Send an event: Python", "python", PYTHON_PRODUCER),
    Snippet("Send a CloudEvent: Python", "python", PYTHON_CLOUD_EVENT),
    Snippet("Send an event: Java", "java", JAVA_PRODUCER),
    Snippet("Send an event: kcat", "sh", KCAT_PRODUCER),
)
CONSUMERS = (
    Snippet("Read answers: Python", "python", PYTHON_CONSUMER),
    Snippet("Read answers: Java", "java", JAVA_CONSUMER),
    Snippet("Read answers: kcat", "sh", KCAT_CONSUMER),
)
SNIPPETS = (*PRODUCERS, *CONSUMERS)
