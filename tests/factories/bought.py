"""Projects bought by person and hour: no text of the library prices them so (人社部发〔2025〕10号 四（六） leaves it to the place)."""

PER_HOUR = """
document:
  id: cn-13-01/xiangmuzhi
  title: 测试市项目制培训购买办法
  number: 测人社〔2026〕3号
  issuers: [测试市人力资源和社会保障局]
  in_force: {from: 2026-01-01}
  region: 130100
clauses:
  "1": {ref: 第一条, text: 项目制培训按合同约定的每人每课时单价乘以计入课时购买，每人不超过合同约定的最高金额。, verified: true}
  "2": {ref: 第二条, text: 补贴发放前公示5个工作日。, verified: true}
clocks:
  publicity: {value: 5, unit: working_days, says: 补贴公示期, cite: "2"}
amounts:
  per_hour:
    scheme: project
    says: 合同单价乘以计入课时
    base: contract_hour_price * attended_hours
    cite: "1"
    steps:
      - {label: 合同每人最高金额, at_most: contract_person_cap, cite: "1"}
    pay_to: {to: "'provider'", cite: "1"}
"""
