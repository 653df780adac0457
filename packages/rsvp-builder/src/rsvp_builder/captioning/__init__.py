"""Set-of-Marks captioning: rows that wait for an answer are drawn, asked about, checked and answered."""
