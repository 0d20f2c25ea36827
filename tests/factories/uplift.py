"""A city's uplift for a job after training: no text of the library sets one (人社部发〔2025〕10号 四（六） leaves it to the place)."""

# The class ended on 19 June 2026. A fifth more for a job begun within six months that has lasted three.
UPLIFT = """
document:
  id: cn-12/jiuye-qingxie
  title: 测试训后稳定就业倾斜补贴办法
  number: 测人社〔2026〕2号
  issuers: [测试市人力资源和社会保障局]
  in_force: {from: 2026-01-01}
  region: 120000
clauses:
  "1": {ref: 第一条, text: 培训后6个月内就业、稳定就业3个月并有证明的，按培训补贴的20%给予倾斜，付给培训机构。, verified: true}
parameters:
  within: {unit: months, says: 结业后就业的期限, value: 6, cite: "1"}
  lasting: {unit: months, says: 稳定就业的月数, value: 3, cite: "1"}
  share: {unit: ratio, says: 训后稳定就业的倾斜比例, value: 0.20, cite: "1"}
fills:
  cn/renshebufa-2025-10#employment_uplift: share
rules:
  job_in_time:
    asks: 结业后 6 个月内就业
    says: 结业后超过6个月才就业
    do: 可以咨询其他就业政策。
    must: months_to_job <= within
    cite: "1"
    schemes: [uplift]
    phase: claim
  job_lasts:
    asks: 稳定就业 3 个月
    says: 就业还不满3个月
    do: 满3个月后会自动申领。
    must: job_months >= lasting
    cite: "1"
    schemes: [uplift]
    phase: claim
  job_shown:
    asks: 就业有证明
    says: 就业没有证明材料
    do: 请交劳动合同或等社保比对。
    must: job_proved
    cite: "1"
    schemes: [uplift]
    phase: claim
amounts:
  uplift:
    scheme: uplift
    says: 培训补贴乘以倾斜比例
    base: training_subsidy * share
    cite: "1"
    pay_to: {to: "'provider'", cite: "1"}
"""
