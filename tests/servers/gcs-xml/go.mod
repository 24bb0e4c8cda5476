module orlop.dev/tests/gcs-xml

go 1.25
