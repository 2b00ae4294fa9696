"""What Spark of the tests is started with."""

from __future__ import annotations

# Jobs of a second are over before the better compiler has paid for itself.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
OPTIONS = (
    "--conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=4 "
    f"--conf 'spark.driver.extraJavaOptions={JAVA}' --conf 'spark.executor.extraJavaOptions={JAVA}' pyspark-shell"
)
