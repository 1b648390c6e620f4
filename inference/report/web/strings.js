'use strict';
// Words of the page. Reasons and errors are the detector's own and stay as they are.
const STRINGS = {
  en: {
    report: 'Call report', language: '中文', languageLabel: 'Show this page in Chinese',
    advice: 'A verdict is advice to a person, not proof. Nothing on this page was fetched from a network.',
    from: 'from {0}', below: 'recordings below {0}', made: 'made {0}', model: 'model {0}', point: 'thresholds “{0}”',
    robot: 'robot', human: 'human', unsure: 'unsure', 'no-speech': 'no speech', error: 'error',
    errors: 'errors', 
    channels: '{0} channels of {1} recordings', hours: '{0} of audio, {1} of speech',
    median: 'flagged after {0} (median)', filterBy: 'Show only {0}',
    overTime: 'Calls over time', dist: 'Score distribution', errorKinds: 'Errors by kind',
    bynames: 'by the date in the file name, per {0}', byfiles: 'by the date of the file, per {0}',
    byorder: 'in the order of the results (file names and files tell no dates)',
    undated: '{0} without a date are left out',
    minute: 'minute', hour: 'hour', day: 'day', week: 'week', month: 'month', year: 'year',
    llrAxis: 'voice_llr: evidence of the voice, ln(robot : human)', pAxis: 'p(robot)',
    llrHelp: 'Right of 0 speaks for a robot, left of 0 for a human. +2.3 is ten to one.',
    robotFrom: 'robot from {0}', humanFrom: 'human to {0}', withdrawn: 'withdrawn below {0}',
    calls: 'Calls', search: 'Filter', searchHint: 'file, reason or error …', 
    shown: '{0}–{1} of {2}', none: 'Nothing matches the filters.', empty: 'The results hold no rows.',
    limited: 'The table holds {0} of {1} rows: the strongest robots, and some of the errors. The totals count all.',
    unreadable: '{0} rows of the results could not be read and are left out.',
    previous: 'Previous', next: 'Next', page: 'Pages of the table',
    verdict: 'Verdict', recording: 'Recording', length: 'Length', speech: 'Speech', p: 'p(robot)',
    llr: 'voice_llr', flagged: 'Flagged at', why: 'Why', details: 'Details of {0}',
    sortHint: 'Click a heading to sort, a row to open it.', sortBy: 'Sort by',
    audio: 'audio', curveVoice: 'voice_llr', curveAll: 'all evidence', speechLane: 'speech', mark: 'evidence mark',
    says: 'says “{0}”', flagMark: 'flagged', start: 'the call begins: unsure',
    happened: 'What happened', reasons: 'Reasons', file: 'File', id: 'Id', channel: 'Channel', scored: 'Scored with',
    rescored: 'The picture was drawn from the recording when this report was made, with model {0}, thresholds “{1}”.',
    stored: 'Stored when the call was scored, with model {0}, thresholds “{1}”.',
    differs: 'It does not agree with the row: the recording, the model or the thresholds have changed since.',
    limit: 'No picture: only the strongest calls were drawn. Raise --detail or store timelines when scoring.',
    missing: 'No picture: no timeline was stored, and the recording is not on this machine.',
    failed: 'No picture: {0}', noTimeline: 'No picture was asked for.',
    loading: 'Loading …', dataMissing: 'The file {0} beside this page is missing.',
    noAudio: 'This browser cannot play the recording, or it is no longer there.',
    noAudioHint: 'Copies that every browser plays: ringtrue report … --audio embed', openAudio: 'open the recording', png: 'picture as PNG',
    timeline: 'Timeline of the call. Arrow keys move through it.', silent: 'silent',
    speaking: 'speech', odds: '{0} for {1}', such: 'such as {0}',
    copyOf: 'copy: 8 kHz, one channel',
  },
  zh: {
    report: '通话报告', language: 'English', languageLabel: '用英文显示本页',
    advice: '判定只是给人的参考，不是证据。本页没有从网络读取任何内容。',
    from: '来源：{0}', below: '录音位于 {0}', made: '生成于 {0}', model: '模型 {0}', point: '阈值“{0}”',
    robot: '机器人', human: '真人', unsure: '不确定', 'no-speech': '无语音', error: '出错',
    errors: '出错', 
    channels: '{1} 个录音，{0} 个声道', hours: '音频 {0}，语音 {1}',
    median: '报警时间中位数 {0}', filterBy: '只看：{0}',
    overTime: '随时间的通话数', dist: '得分分布', errorKinds: '错误分类',
    bynames: '按文件名中的日期，每{0}', byfiles: '按文件日期，每{0}',
    byorder: '按结果中的顺序（文件名和文件都没有日期）',
    undated: '{0} 个没有日期，未计入',
    minute: '分钟', hour: '小时', day: '天', week: '周', month: '月', year: '年',
    llrAxis: 'voice_llr：声音证据，ln(机器人 : 真人)', pAxis: '机器人概率',
    llrHelp: '0 的右边偏向机器人，左边偏向真人；+2.3 即十比一。',
    robotFrom: '≥ {0} 判为机器人', humanFrom: '≤ {0} 判为真人', withdrawn: '< {0} 撤回',
    calls: '通话', search: '筛选', searchHint: '文件名、理由或错误…', 
    shown: '第 {0}–{1} 条，共 {2} 条', none: '没有符合筛选条件的通话。', empty: '结果中没有数据。',
    limited: '表中有 {1} 行中的 {0} 行：最像机器人的，以及部分错误。总数统计了全部。',
    unreadable: '结果中有 {0} 行无法读取，已略去。',
    previous: '上一页', next: '下一页', page: '表格翻页',
    verdict: '判定', recording: '录音', length: '时长', speech: '语音', p: '机器人概率',
    llr: 'voice_llr', flagged: '报警时刻', why: '理由', details: '{0} 的详情',
    sortHint: '点表头排序，点一行展开。', sortBy: '排序',
    audio: '音频', curveVoice: 'voice_llr', curveAll: '全部证据', speechLane: '语音', mark: '证据标记',
    says: '判为“{0}”', flagMark: '报警', start: '通话开始：不确定',
    happened: '经过', reasons: '理由', file: '文件', id: '编号', channel: '声道', scored: '评分所用',
    rescored: '图由生成报告时重新分析录音得到，模型 {0}，阈值“{1}”。',
    stored: '评分时保存，模型 {0}，阈值“{1}”。',
    differs: '与该行结果不一致：录音、模型或阈值已改变。',
    limit: '没有图：只画了最像机器人的通话。可增大 --detail，或在评分时保存时间线。',
    missing: '没有图：没有保存时间线，本机也没有该录音。',
    failed: '没有图：{0}', noTimeline: '没有要求画图。',
    loading: '正在载入…', dataMissing: '缺少本页旁边的文件 {0}。',
    noAudio: '此浏览器不能播放该录音，或录音已不在。',
    noAudioHint: '生成任何浏览器都能播放的副本：ringtrue report … --audio embed', openAudio: '打开录音', png: 'PNG 图片',
    timeline: '通话时间线，可用方向键移动。', silent: '静音',
    speaking: '语音', odds: '{0} 偏向{1}', such: '例如 {0}',
    copyOf: '副本：8 kHz 单声道',
  },
};

let language = 'en';

/** The words for `key`, with {0}, {1} … filled in. */
function say(key, ...values) {
  const words = STRINGS[language][key] ?? STRINGS.en[key] ?? key;
  return words.replace(/\{(\d)\}/g, (_, n) => String(values[n] ?? ''));
}

function chooseLanguage() {
  let kept = null;
  try { kept = localStorage.getItem('ringtrue-language'); } catch { /* pages on a disk may have no storage */ }
  const wanted = new URLSearchParams(location.search).get('lang') || kept || navigator.language || 'en';
  language = wanted.toLowerCase().startsWith('zh') ? 'zh' : 'en';
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
}

function switchLanguage() {
  language = language === 'zh' ? 'en' : 'zh';
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  try { localStorage.setItem('ringtrue-language', language); } catch { /* as above */ }
}
