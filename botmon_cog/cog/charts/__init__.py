"""From reports to the words and numbers of charts. Pure: values go in, values come out."""
