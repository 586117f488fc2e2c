<config>
  <host>example.org</host>
</config>
