module occkit/client

go 1.19

require github.com/elastic/go-elasticsearch/v7 v7.17.10
